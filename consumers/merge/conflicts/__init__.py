"""Conflicts C01 to C18: things that do not go together, by the field's catalogue. One small pure rule each, in tables.

`book` keeps them up to date, `texts` says what they say, and the rules file makes every word of them exact.
"""
