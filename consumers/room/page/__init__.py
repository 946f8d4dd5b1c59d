"""What people see of the room: HTML from what there is to see, who looks and what is wished for."""

from consumers.room.page.page import PARTS, STATIC, Page

__all__ = ["PARTS", "STATIC", "Page"]
