"""The gateway's chat in Telegram: one conversation a chat, for people on a list."""
