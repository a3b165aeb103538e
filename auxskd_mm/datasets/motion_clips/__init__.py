"""MotionClips: synthetic clips in which only the motion tells the class.

A clip shows one to three textured objects that move by the clip's class, before a drifting textured background, through
a shaking camera; textures, shapes, background and camera know nothing of the class. Poses live on a torus and start
evenly spread over it (:mod:`.motions`), so that a single frame says nothing of the class: only the change from frame to
frame does.
"""

from .motions import MOTIONS, draw_poses
from .render import render_scene
from .scene import MovingObject, Scene, draw_scene, scene_time
from .settings import SPLITS, MotionClipsSettings
from .writer import make_motion_clips

__all__ = [
    'MOTIONS',
    'SPLITS',
    'MotionClipsSettings',
    'MovingObject',
    'Scene',
    'draw_poses',
    'draw_scene',
    'make_motion_clips',
    'render_scene',
    'scene_time',
]
