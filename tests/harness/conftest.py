"""What the harness's own tests share."""

from hypothesis import HealthCheck, settings

# A machine that was busy elsewhere for a moment has not broken anything.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
