from tests.live import live, live_settings

__all__ = ["live", "live_settings"]
