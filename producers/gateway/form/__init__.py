"""The form: reports by hand, from any browser, in Swedish or English. Pages without programs."""
