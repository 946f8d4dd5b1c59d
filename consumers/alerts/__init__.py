"""Waking people: what needs somebody now is sent by webhook and mail, once per fact, until it is acknowledged."""

from consumers.alerts.rules import AlertRules, read_rules
from consumers.alerts.watch import Alerter

__all__ = ["AlertRules", "Alerter", "read_rules"]
