"""The dashboards, one module per reader."""
