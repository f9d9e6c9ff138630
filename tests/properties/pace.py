"""How many histories a test tries. Each takes as long as it takes; a failing one is shrunk and not explained, for an
explanation runs it hundreds of times more."""

from hypothesis import HealthCheck, Phase, settings

PHASES = tuple(phase for phase in Phase if phase is not Phase.explain)


def tries(many: int) -> settings:
    return settings(max_examples=many, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
