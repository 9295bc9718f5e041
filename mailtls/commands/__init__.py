"""The commands, one file each, and what they share. ``cli`` names them."""
