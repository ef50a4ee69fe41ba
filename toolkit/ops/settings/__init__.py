"""The variables of a host's server: rendered for systemd or compose, changed over ssh, taken back if it fails."""
