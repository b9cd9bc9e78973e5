"""Changes a patch in small ways: wrong fixes, other words for the same fix, places taken out."""
