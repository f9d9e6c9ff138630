from tests.live import client, live, live_settings

__all__ = ["client", "live", "live_settings"]
