"""The situation report: what a crisis staff sends on, made from a view and kept by number.

`make` is a pure function from a view to a report in all its forms; an `Archive` takes the number, compares with the
report before, and keeps what was made.
"""

from consumers.report.archive import Archive, Manifest
from consumers.report.data import ReportData
from consumers.report.making import MEDIA_TYPES, Form, Report, file_name, make

__all__ = ["MEDIA_TYPES", "Archive", "Form", "Manifest", "Report", "ReportData", "file_name", "make"]
