"""HTTPS on the local network: certificates of our own or given ones, and the page that enrols phones."""
