"""WebSub: the hub protocol, notifications, their queue and the notifier."""
