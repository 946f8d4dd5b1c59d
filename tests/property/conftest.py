"""Two Hypothesis profiles: quick by default, deep in CI (`HYPOTHESIS_PROFILE=deep`)."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "deep" if os.environ.get("CI") else "quick"))
