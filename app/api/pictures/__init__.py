"""Pictures of an explanation: SVG for eyes, DOT for tools. Records stand under source and key, and under no trait."""

from app.api.pictures.dot import dot
from app.api.pictures.svg import svg

__all__ = ["dot", "svg"]
