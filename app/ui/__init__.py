"""The design system: what every page is made of. ``pages/gallery.py`` shows each part in each state."""
