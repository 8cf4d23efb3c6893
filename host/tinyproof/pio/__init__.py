"""What ``tinyproof.platformio`` stands on: stand-in packages, core folders, child processes."""
