"""Throughline's Python side: it loads, publishes and serves; SQL does the transforming."""
