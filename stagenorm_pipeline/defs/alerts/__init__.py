"""Alerts: what may be reported (`kinds`), where it is found, the message, and the webhook."""
