"""Pictures of a world: colour, depth and segmentation from any of its cameras or from anywhere, made from a stored state.

A renderer belongs to the thread that makes, uses and closes it: an OpenGL context is current in one thread. It has its own copy of
the simulation's data, so the world's lock is held only while a state is copied, never while a picture is drawn.
"""

from __future__ import annotations

import copy
import enum
from types import TracebackType
from typing import Any, final

import mujoco
import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import RenderError, ShapeError, UnknownNameError
from strands_robots.sim.render.cameras import Camera
from strands_robots.sim.render.gl import INSTALL_HINT, make_context
from strands_robots.sim.render.segmentation import values_by_segment, values_of_pixels
from strands_robots.sim.render.sky import Floors
from strands_robots.sim.render.view_camera import aim_camera, aim_scene, place
from strands_robots.sim.render.views import FreeView
from strands_robots.sim.world.render_source import RenderSource
from strands_robots.sim.world.state import SIGNATURE, state_size
from strands_robots.sim.world.world import World

MAX_SIZE = 4096  # [px]
MAX_GEOMS = 10000
BEYOND = 0.999  # part of the far plane's distance from which a pixel shows nothing
STILL_SAMPLES = 4
STILL_SHADOW_MAP = 4096  # [px]

Picture = NDArray[Any]
View = Camera | FreeView


class PictureKind(enum.IntEnum):
    """What the pixels are; numbers as in srv/RenderCamera."""

    RGB = 0
    DEPTH = 1
    SEGMENTATION = 2


_TYPES = {PictureKind.RGB: np.uint8, PictureKind.DEPTH: np.float32, PictureKind.SEGMENTATION: np.uint16}


@final
class SceneRenderer:
    """Draws a world from its cameras."""

    def __init__(self, world: World, is_still: bool = False) -> None:
        """Make an OpenGL context in this thread.

        Args:
            world: The world to draw.
            is_still: Draw shadows and smooth edges, for single pictures; ten times slower in software. Colours only: what a
                smooth edge is the depth of, or which shape, is undefined.

        Raises:
            RenderError: If no OpenGL context can be made; the message says what to install.
        """
        self._world = world
        self._is_still = is_still
        self._gl: Any = None
        self._context: mujoco.MjrContext | None = None
        self._stage: RenderSource = world.stage
        self._rows: dict[tuple[int, ...], Picture] = {}
        self._prepare(self._stage)

    def render(
        self,
        state: FloatArray,
        camera: str | View,
        kind: int = PictureKind.RGB,
        width: int = 0,
        height: int = 0,
        out: Picture | None = None,
        stage: RenderSource | None = None,
    ) -> Picture:
        """Draw a state of the world.

        Args:
            state: State (n,) from `World.get_state`.
            camera: The camera, its name, or a free view.
            kind: RGB, DEPTH (distance along the optical axis) or SEGMENTATION.
            width, height: Size [px]; 0 takes the camera's own.
            out: Array to draw into, C-contiguous, of the result's shape and type.
            stage: What the state belongs to, from `World.stage`; None for the present world.

        Returns:
            RGB: uint8 (H, W, 3). DEPTH: float32 (H, W) [m]; +inf where nothing is hit before the far plane (REP 117, 118).
            SEGMENTATION: uint16 (H, W), see `segmentation.labels_of`.

        Raises:
            UnknownNameError: If the camera is not known.
            RenderError: If kind or size is not possible or the renderer is closed.
            ShapeError: If `state` or `out` does not fit.
        """
        self._follow(self._world.stage if stage is None else stage)
        view = self.find(camera)
        width, height = width or view.width, height or view.height
        self._resize(width, height)
        self._load(state)
        out = self._output(out, kind, width, height)
        self._update_scene(view)
        self._set_flags(kind, width / height)
        rectangle = mujoco.MjrRect(0, 0, width, height)
        shape = (height, width) if kind == PictureKind.DEPTH else (height, width, 3)
        rows = self._rows.get(shape)
        if rows is None:
            rows = self._rows[shape] = np.empty(shape, np.float32 if kind == PictureKind.DEPTH else np.uint8)
        self._gl.make_current()
        mujoco.mjr_render(rectangle, self._scene, self._context)
        # OpenGL's first row is the lowest.
        if kind == PictureKind.DEPTH:
            mujoco.mjr_readPixels(None, rows, rectangle, self._context)
            self._to_metres(rows)
            out[:] = rows[::-1]
        else:
            mujoco.mjr_readPixels(rows, None, rectangle, self._context)
            if kind == PictureKind.RGB:
                out[:] = rows[::-1]
            else:
                values_of_pixels(rows[::-1], values_by_segment(self._scene), out)
        return out

    def find(self, camera: str | View) -> View:
        """Return the camera of a name in the world that is drawn.

        Raises:
            UnknownNameError: If the camera is not known.
        """
        if isinstance(camera, FreeView):
            return camera
        name = camera if isinstance(camera, str) else camera.name
        found = self._stage.cameras.get(name)
        if found is None:
            raise UnknownNameError("camera", name, self._stage.cameras)
        return found

    def pose(self, camera: str | View) -> tuple[FloatArray, FloatArray]:
        """Return origin (3,) [m] and rotation (3, 3) of a camera's optical frame in the world frame, in what was drawn last."""
        return place(self._data, self.find(camera))

    def close(self) -> None:
        """Free the OpenGL context; call it in the thread that made the renderer."""
        if self._context is not None:
            # Freed is what the current context holds under these numbers; that may be another renderer's.
            self._gl.make_current()
            self._context.free()
            self._context = None
        if self._gl is not None:
            self._gl.free()
            self._gl = None

    def __enter__(self) -> SceneRenderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _follow(self, stage: RenderSource) -> None:
        if stage.model is self._stage.model:
            return
        if stage.layout == self._stage.layout and self._context is not None:
            # Meshes and textures, which the context holds, are the same.
            self._take(stage)
        else:
            self._prepare(stage)

    def _take(self, stage: RenderSource) -> None:
        """Copy what is drawn."""
        self._stage = stage
        self._model = copy.copy(stage.model) if self._is_still else stage.model
        self._data = mujoco.MjData(stage.model)
        self._floors = Floors(self._model)
        if self._is_still:
            self._model.vis.quality.offsamples = STILL_SAMPLES
            self._model.vis.quality.shadowsize = STILL_SHADOW_MAP

    def _prepare(self, stage: RenderSource) -> None:
        """Make what depends on meshes, textures and numbers of parts."""
        self.close()
        self._take(stage)
        width, height = self._model.vis.global_.offwidth, self._model.vis.global_.offheight
        self._gl = make_context(width, height)
        self._gl.make_current()
        try:
            self._context = mujoco.MjrContext(self._model, int(mujoco.mjtFontScale.mjFONTSCALE_100))
        except mujoco.FatalError as error:
            raise RenderError(f"the OpenGL context cannot draw: {error}; {INSTALL_HINT}") from error
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._context)
        self._scene = mujoco.MjvScene(self._model, maxgeom=MAX_GEOMS)
        self._option = mujoco.MjvOption()
        self._camera = mujoco.MjvCamera()

    def _update_scene(self, view: View) -> None:
        if isinstance(view, FreeView):
            aim_camera(self._camera, view)
        else:
            self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
            self._camera.fixedcamid = view.number
        mujoco.mjv_updateScene(
            self._model, self._data, self._option, None, self._camera, int(mujoco.mjtCatBit.mjCAT_ALL), self._scene
        )
        if isinstance(view, FreeView):
            aim_scene(self._scene, view)

    def _resize(self, width: int, height: int) -> None:
        if not (1 <= width <= MAX_SIZE and 1 <= height <= MAX_SIZE):
            raise RenderError(f"a picture of {width} x {height} pixels was asked for; valid: 1 to {MAX_SIZE} each")
        context = self._context
        if context is None:
            raise RenderError("the renderer is closed")
        if width > context.offWidth or height > context.offHeight:
            self._gl.make_current()
            mujoco.mjr_resizeOffscreen(max(width, context.offWidth), max(height, context.offHeight), context)

    def _set_flags(self, kind: int, aspect: float) -> None:
        flags = self._scene.flags
        flags[int(mujoco.mjtRndFlag.mjRND_SHADOW)] = self._is_still and kind == PictureKind.RGB
        shows_sky = not self._floors.hide_sky(self._data, self._scene, aspect)
        for flag in (mujoco.mjtRndFlag.mjRND_SKYBOX, mujoco.mjtRndFlag.mjRND_HAZE):
            flags[int(flag)] = shows_sky
        # Depth needs no light: flat colours cost less.
        for flag in (mujoco.mjtRndFlag.mjRND_SEGMENT, mujoco.mjtRndFlag.mjRND_IDCOLOR):
            flags[int(flag)] = kind != PictureKind.RGB

    def _load(self, state: FloatArray) -> None:
        if state.shape != (state_size(self._model),):
            raise ShapeError(f"state has shape {state.shape}; valid for this world: ({state_size(self._model)},)")
        mujoco.mj_setState(self._model, self._data, state, SIGNATURE)
        mujoco.mj_fwdKinematics(self._model, self._data)

    def _output(self, out: Picture | None, kind: int, width: int, height: int) -> Picture:
        if kind not in _TYPES:
            raise RenderError(f"picture kind {kind} is not known; valid: 0 (RGB), 1 (DEPTH), 2 (SEGMENTATION)")
        if self._is_still and kind != PictureKind.RGB:
            raise RenderError("a renderer of stills draws colours only; valid: 0 (RGB), or another renderer")
        shape = (height, width, 3) if kind == PictureKind.RGB else (height, width)
        dtype = np.dtype(_TYPES[PictureKind(kind)])
        if out is None:
            return np.empty(shape, dtype)
        if out.shape != shape or out.dtype != dtype:
            raise ShapeError(f"out is {out.dtype} {out.shape}; valid: {dtype} {shape}")
        return out

    def _to_metres(self, depth: Picture) -> None:
        """Turn the depth buffer (0 at the far plane, 1 at the near one) into distances along the optical axis, in place."""
        extent = float(self._model.stat.extent)
        near, far = float(self._model.vis.map.znear) * extent, float(self._model.vis.map.zfar) * extent
        # z = near far / (near + depth (far - near))
        np.multiply(depth, np.float32(far - near), out=depth)
        np.add(depth, np.float32(near), out=depth)
        np.divide(np.float32(near * far), depth, out=depth)
        # The sky is drawn a little in front of the far plane.
        depth[depth >= np.float32(BEYOND * far)] = np.inf
