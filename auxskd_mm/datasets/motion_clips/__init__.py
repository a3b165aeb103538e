"""MotionClips: synthetic clips in which only the motion reveals the class.

A clip shows one to three textured objects in front of a drifting textured background, seen by a shaking camera. The
class decides how the objects move. Textures, shapes, background and camera do not depend on it. Poses lie on a torus
and start uniformly on it (:mod:`.motions`), so a single frame reveals nothing about the class. Only the change from
frame to frame does.
"""

from ...choices import SPLITS
from .headings import HEADINGS, draw_heading_scene, make_heading_clips
from .motions import MOTIONS, draw_poses
from .patterns import draw_pattern_scene, make_pattern_clips
from .recording import make_recording
from .render import render_scene
from .scene import MovingObject, Scene, draw_scene, scene_time
from .settings import MotionClipsSettings
from .writer import make_motion_clips

__all__ = [
    'HEADINGS',
    'MOTIONS',
    'SPLITS',
    'MotionClipsSettings',
    'MovingObject',
    'Scene',
    'draw_heading_scene',
    'draw_pattern_scene',
    'draw_poses',
    'draw_scene',
    'make_heading_clips',
    'make_motion_clips',
    'make_pattern_clips',
    'make_recording',
    'render_scene',
    'scene_time',
]
