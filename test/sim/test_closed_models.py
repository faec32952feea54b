"""What a model may read: nothing outside of the folders, by whatever way it is named, and what was checked is what is loaded."""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

import pytest

from strands_robots.core.errors import ConfigurationError, ModelError
from strands_robots.description import file_rule
from strands_robots.description.closed_model import origins
from strands_robots.description.file_rule import FileRule
from strands_robots.description.model_file import compile_model, open_model, parse_model
from strands_robots.description.robot_model import describe_model
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody
from strands_robots.sim.edit.export import export_mjcf, held_files
from strands_robots.sim.edit.model_edits import AddModel, ModelSource
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.edit.world_edits import AddRobot
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .arms import one_arm_world

TETRAHEDRON = b"v 0 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
SQUARE = b"v 0 0 0\nv .2 0 0\nv 0 .2 0\nv 0 0 .2\nv .2 .2 .2\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 5\nf 2 5 4\nf 3 4 5\n"
USE = "<worldbody><body name='b'><geom type='mesh' mesh='m'/></body></worldbody>"
SECRET = "secret.obj"


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """Return the allowed folder; beside it lies what must not be read."""
    outside = tmp_path / "out"
    outside.mkdir()
    (outside / SECRET).write_bytes(TETRAHEDRON)
    (outside / "secret.xml").write_text("<mujoco><worldbody><body name='b'/></worldbody></mujoco>", encoding="utf-8")
    (outside / "dirs.xml").write_text("<mujoco><compiler meshdir='.'/></mujoco>", encoding="utf-8")
    (tmp_path / SECRET).write_bytes(TETRAHEDRON)
    folder = tmp_path / "in"
    for sub in ("", "sub", "sub/deep"):
        (folder / sub).mkdir()
    (folder / "meshes").mkdir()
    (folder / "meshes" / "m.obj").write_bytes(TETRAHEDRON)
    (folder / "link.obj").symlink_to(outside / SECRET)
    (folder / "link_dir").symlink_to(outside)
    return folder


def mesh(name: str) -> str:
    return f"<asset><mesh name='m' file='{name}'/></asset>{USE}"


WAYS = {
    "folder set by an included file": {
        "main.xml": f"<include file='dirs.xml'/>{mesh(SECRET)}", "dirs.xml": "<compiler meshdir='../out'/>",
    },
    "folder set by an include of an include": {
        "main.xml": f"{mesh(SECRET)}<include file='sub/one.xml'/>",
        "sub/one.xml": "<include file='sub/two.xml'/>", "sub/two.xml": "<compiler assetdir='../out'/>",
    },
    "include of a subfolder, resolved by the main file": {
        "main.xml": f"<include file='sub/part.xml'/>{USE}", "sub/part.xml": f"<asset><mesh name='m' file='../{SECRET}'/></asset>",
    },
    "include of a subfolder that includes": {
        "main.xml": "<include file='sub/part.xml'/>", "sub/part.xml": "<include file='../out/secret.xml'/>",
    },
    "folder set by a later compiler": {"main.xml": f"<compiler meshdir='meshes'/>{mesh(SECRET)}<compiler meshdir='../out'/>"},
    "absolute folder": {"main.xml": f"<compiler meshdir='OUT'/>{mesh(SECRET)}"},
    "absolute name": {"main.xml": mesh(f"OUT/{SECRET}")},
    "other slashes": {"main.xml": mesh(rf"..\out\{SECRET}")},
    "other slashes in the folder": {"main.xml": rf"<compiler meshdir='..\out'/>{mesh(SECRET)}"},
    "stripped path": {"main.xml": f"<compiler meshdir='../out' strippath='true'/>{mesh(f'meshes/{SECRET}')}"},
    "link to a file": {"main.xml": mesh("link.obj")},
    "link to a folder": {"main.xml": mesh(f"link_dir/{SECRET}")},
    "link in the folder of meshes": {"main.xml": f"<compiler meshdir='link_dir'/>{mesh(SECRET)}"},
    "texture": {"main.xml": "<compiler texturedir='../out'/><asset><texture name='t' type='2d' file='a.png'/></asset>"},
    "side of a cube": {"main.xml": "<asset><texture name='t' type='cube' fileleft='../out/a.png'/></asset>"},
    "height field": {"main.xml": "<compiler meshdir='../out'/><asset><hfield name='h' file='a.bin' size='1 1 1 1'/></asset>"},
    "skin": {"main.xml": "<compiler meshdir='../out'/><asset><skin name='s' file='a.skn'/></asset>"},
    "flex": {"main.xml": f"<compiler meshdir='../out'/><worldbody><flexcomp name='f' type='mesh' file='{SECRET}'/></worldbody>"},
    "other type of content": {"main.xml": f"<asset><mesh name='m' content_type='model/obj' file='../out/{SECRET}'/></asset>{USE}"},
    "attached model": {"main.xml": "<asset><model name='i' file='../out/secret.xml'/></asset>"},
    "attached model's mesh": {
        "main.xml": "<asset><model name='i' file='inner.xml'/></asset><worldbody><attach model='i' body='b' prefix='p'/></worldbody>",
        "inner.xml": f"<compiler meshdir='../out'/>{mesh(SECRET)}",
    },
    "attached model's attached model": {
        "main.xml": "<asset><model name='i' file='sub/inner.xml'/></asset>",
        "sub/inner.xml": "<asset><model name='j' file='deep/innermost.xml'/></asset>",
        "sub/deep/innermost.xml": f"<include file='../../../out/dirs.xml'/>{mesh('m.obj')}",
    },
    "attached URDF": {
        "main.xml": "<asset><model name='i' file='inner.urdf'/></asset>",
        "inner.urdf": f"<link name='a'><visual><geometry><mesh filename='../out/{SECRET}'/></geometry></visual></link>",
    },
}  # fmt: skip


@pytest.mark.guarantee(
    "Stop",
    "a model reads no file outside of `scene_folders`, by whatever way it names it; what was checked is what is loaded",
    "description/closed_model.py; description/file_rule.py",
)
@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_out_of_the_folder(inside: Path, way: str) -> None:
    outside = str(inside.parent / "out")
    for name, body in WAYS[way].items():
        root = "robot name='r'" if name.endswith("urdf") else "mujoco"
        body = body.replace("OUT", outside)
        (inside / name).write_text(f"<{root}>{body}</{root.split()[0]}>", encoding="utf-8")
    guard = ModelGuard([inside])
    with pytest.raises(ModelError, match="which lies outside; valid: files below"):
        guard.scene("main.xml")
    # Every opener asks the rule again.
    with pytest.raises(ModelError, match="which lies outside"):
        World(WorldConfig(robots=(), scene=inside / "main.xml", scene_rule=guard.rule))
    with pytest.raises(ModelError, match="which lies outside"):
        describe_model(inside / "main.xml", guard.rule)
    with pytest.raises(ModelError, match="which lies outside"):
        edit(one_arm_world(), [AddModel("x", ModelSource(inside / "main.xml", rule=guard.rule))])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("package://anyOUT/secret.obj", "was not found"),
        ("package://out/secret.obj", "was not found"),
        ("package://in/../out/secret.obj", "without '..'"),
        ("package:///OUT/secret.obj", "was not found"),
        ("model://out/secret.obj", "was not found"),
        ("file://OUT/secret.obj", "lies outside"),
        ("file://localhostOUT/secret.obj", "lies outside"),
        ("OUT/secret.obj", "lies outside"),
        ("../out/secret.obj", "lies outside"),
        (r"..\out\secret.obj", "lies outside"),
        ("../link.obj", "lies outside"),
        ("https://example.org/secret.obj", "valid: a path, package://"),
    ],
)
@pytest.mark.parametrize("settings", ["", "<mujoco><compiler strippath='false'/></mujoco>"])
def test_no_name_in_a_urdf_leads_out_of_the_folder(
    inside: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str, settings: str
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    shape = f"<geometry><mesh filename='{name.replace('OUT', str(inside.parent / 'out'))}'/></geometry>"
    for kind in ("visual", "collision"):
        text = f"<robot name='r'>{settings}<link name='a'><{kind}>{shape}</{kind}></link></robot>"
        (inside / "sub" / "r.urdf").write_text(
            text.replace("'../out", "'../../out").replace(r"'..\out", r"'..\..\out"), encoding="utf-8"
        )
        with pytest.raises(ModelError, match=words):
            ModelGuard([inside]).scene("sub/r.urdf")


def test_mesh_folder_in_a_urdf_does_not_lead_out(inside: Path) -> None:
    for settings in ("meshdir='../out'", f"meshdir='{inside.parent}/out'", "assetdir='../out'"):
        text = (
            f"<robot name='r'><link name='a'><visual><geometry><mesh filename='{SECRET}'/></geometry></visual></link>"
            f"<mujoco><compiler/></mujoco><mujoco><compiler {settings}/></mujoco></robot>"
        )
        (inside / "r.urdf").write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match="lies outside"):
            ModelGuard([inside]).scene("r.urdf")


def test_urdf_includes_nothing(inside: Path) -> None:
    (inside / "r.urdf").write_text(
        f"<robot name='r'><link name='a'/><mujoco><include file='{inside.parent}/out/secret.xml'/></mujoco></robot>",
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match="<include> inside of <mujoco>; valid in a URDF: compiler"):
        ModelGuard([inside]).scene("r.urdf")


@pytest.mark.parametrize("value", ["../out/secret.obj", "/etc/hostname", r"..\x", ".."])
def test_plugin_settings_that_could_be_paths_are_refused(inside: Path, value: str) -> None:
    config = f"<config key='k' value='{value}'/>"
    text = f"<mujoco><extension><plugin plugin='p'><instance name='i'>{config}</instance></plugin></extension></mujoco>"
    with pytest.raises(ModelError, match="could be a path"):
        ModelGuard([inside]).text(text)


def test_text_reads_nothing_outside(inside: Path) -> None:
    guard = ModelGuard([inside])
    for text in (
        f"<mujoco>{mesh(str(inside.parent / SECRET))}</mujoco>",
        f"<mujoco><compiler meshdir='{inside.parent}'/>{mesh(SECRET)}</mujoco>",
    ):
        with pytest.raises(ModelError, match="lies outside"):
            guard.text(text)
    robot = (
        "<robot name='r'><link name='a'><visual><geometry><mesh filename='NAME'/></geometry></visual></link></robot>"
    )
    for name, words in (
        (str(inside.parent / SECRET), "lies outside"),
        ("m.obj", "an absolute path"),
        ("package://out/secret.obj", "not found"),
    ):
        with pytest.raises(ModelError, match=words):
            guard.text(robot.replace("NAME", name))
    with pytest.raises(ModelError, match="includes another file"):
        guard.text("<robot name='r'><include file='x'/></robot>")


def test_file_that_becomes_a_link_after_the_check_is_not_read(inside: Path) -> None:
    (inside / "main.xml").write_text(f"<mujoco>{mesh('meshes/m.obj')}</mujoco>", encoding="utf-8")
    guard = ModelGuard([inside])
    path = guard.scene("main.xml")
    (inside / "meshes" / "m.obj").unlink()
    (inside / "meshes" / "m.obj").symlink_to(inside.parent / "out" / SECRET)
    with pytest.raises(ModelError, match="lies outside"):
        World(WorldConfig(robots=(), scene=path, scene_rule=guard.rule))


@pytest.mark.guarantee(
    "Stop",
    "a model reads no file outside of `scene_folders`, by whatever way it names it; what was checked is what is loaded",
    "description/closed_model.py; description/file_rule.py",
)
def test_link_that_changes_between_check_and_opening_is_noticed_on_the_open_file(
    inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh_file = inside / "meshes" / "m.obj"
    real_open = os.open

    def swapped(path: str, *arguments: int) -> int:
        mesh_file.unlink(missing_ok=True)
        mesh_file.symlink_to(inside.parent / "out" / SECRET)
        return real_open(path, *arguments)

    monkeypatch.setattr(file_rule.os, "open", swapped)
    with pytest.raises(ModelError, match="lies outside"):
        FileRule((inside.resolve(),)).read(mesh_file, "m.obj", 10**6)


def test_pipes_folders_and_large_files_are_refused_at_once(inside: Path) -> None:
    os.mkfifo(inside / "pipe.obj")
    (inside / "folder.obj").mkdir()
    rule = FileRule((inside.resolve(),))
    for name, words in (
        ("pipe.obj", "no regular file"),
        ("folder.obj", "no regular file"),
        ("meshes/m.obj", "more than 10 bytes"),
    ):
        with pytest.raises(ModelError, match=words):
            rule.read(inside / name, name, 10)
    with pytest.raises(ModelError, match="without NUL"):
        rule.read(inside / "a", "a\0b", 10)
    with pytest.raises(ModelError, match=r"cannot be read|does not exist"):
        rule.read(inside / ("a" * 300), "a", 10)


def test_world_goes_on_with_what_was_checked_when_the_file_changes_or_goes(inside: Path) -> None:
    (inside / "main.xml").write_text(f"<mujoco><compiler meshdir='meshes'/>{mesh('m.obj')}</mujoco>", encoding="utf-8")
    guard = ModelGuard([inside])
    world = World(WorldConfig(robots=(), scene=guard.scene("main.xml"), scene_rule=guard.rule))
    before = world.model.mesh_vert.tobytes()
    (inside / "meshes" / "m.obj").write_bytes(SQUARE)
    edit(world, [AddBody("cube", [Shape("box", [0.02] * 3, mass=0.1)], position=(0.5, 0.5, 0.1), is_free=True)])
    assert world.model.mesh_vert.tobytes() == before
    (inside / "meshes" / "m.obj").unlink()
    edit(world, [AddBody("other", [Shape("box", [0.02] * 3, mass=0.1)], position=(0.5, -0.5, 0.1), is_free=True)])
    assert world.model.mesh_vert.tobytes() == before
    assert [Path(path).name for path in origins(world.spec).values()] == ["m.obj"]


def test_mesh_of_an_object_is_held_and_only_below_the_folder(inside: Path) -> None:
    guard = ModelGuard([inside])
    world = one_arm_world()
    shape = Shape("mesh", [1.0], mass=0.1, mesh=guard.mesh("meshes/m.obj"), rule=guard.rule)
    edit(world, [AddBody("thing", [shape], position=(0.5, 0.5, 0.5), is_free=True)])
    (inside / "meshes" / "m.obj").unlink()
    edit(world, [AddBody("cube", [Shape("box", [0.02] * 3, mass=0.1)], position=(0.5, -0.5, 0.1), is_free=True)])
    for name in ("link.obj", f"link_dir/{SECRET}", f"../out/{SECRET}", f"{inside.parent}/out/{SECRET}"):
        with pytest.raises(ConfigurationError, match="valid: "):
            guard.mesh(name)
    late = Shape("mesh", [1.0], mass=0.1, mesh=inside / "link.obj", rule=guard.rule)
    with pytest.raises(ModelError, match="lies outside"):
        edit(world, [AddBody("late", [late], position=(0.5, 0.5, 0.5), is_free=True)])


def test_robot_added_by_its_file_keeps_the_rule_when_the_world_is_made_anew(inside: Path) -> None:
    actuator = "<actuator><position joint='j' kp='5' kv='1'/></actuator>"
    body = "<body name='b'><joint name='j' range='-60 60'/><geom type='mesh' mesh='m'/></body>"
    body = f"<worldbody><body name='base'>{body}</body></worldbody>"
    (inside / "arm.xml").write_text(
        f"<mujoco><asset><mesh name='m' file='meshes/m.obj'/></asset>{body}{actuator}</mujoco>", encoding="utf-8"
    )
    guard = ModelGuard([inside])
    path = guard.scene("arm.xml")
    world = one_arm_world()
    edit(
        world,
        [AddRobot(RobotSpec("extra", describe_model(path, guard.rule), (1.0, 0.0, 0.0), 0.0, str(path), guard.rule))],
    )
    (inside / "meshes" / "m.obj").unlink()
    (inside / "meshes" / "m.obj").symlink_to(inside.parent / "out" / SECRET)
    with pytest.raises(ModelError, match="lies outside"):
        world.load(WorldConfig(robots=world.config.robots))
    assert list(world.robots) == ["arm", "extra"]


def test_spec_that_names_a_file_without_its_content_is_not_compiled(inside: Path) -> None:
    world = one_arm_world()
    world.spec.add_mesh(name="m", file=str(inside / "meshes" / "m.obj"))
    with pytest.raises(ModelError, match="without its content"):
        world.recompile()
    spec = parse_model("<mujoco/>", "a test")
    spec.add_texture(name="t", cubefiles=["a.png", "", "", "", "", ""])
    with pytest.raises(ModelError, match="without its content"):
        compile_model(spec, Path("x"), "a test")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<custom><numeric name='n' size='2000000000'/></custom>", "at most 1000000"),
        ("<size nuserdata='2000000000'/>", "at most 1000000"),
        ("<size nuser_body='2000000000'/>", "at most 1000000"),
        ("<sensor><clock name='c' nsample='2000000000'/></sensor>", "at most 1000000"),
        ("<worldbody><replicate count='1e300'><geom size='1'/></replicate></worldbody>", "copies"),
    ],
)
def test_few_words_that_need_much_memory_are_refused(inside: Path, text: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        ModelGuard([inside]).text(f"<mujoco>{text}</mujoco>")


def test_copies_of_includes_and_of_attached_models_are_counted_together(inside: Path) -> None:
    (inside / "part.xml").write_text(
        "<mujoco><replicate count='200'><geom size='1'/></replicate></mujoco>", encoding="utf-8"
    )
    (inside / "main.xml").write_text(
        "<mujoco><worldbody><replicate count='200'><include file='part.xml'/></replicate></worldbody></mujoco>",
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match="40000 copies"):
        ModelGuard([inside]).scene("main.xml")
    (inside / "m0.xml").write_text("<mujoco><worldbody><body name='b'/></worldbody></mujoco>", encoding="utf-8")
    for level in range(1, 8):
        asset = f"<asset><model name='i' file='m{level - 1}.xml'/></asset>"
        twins = "".join(f"<attach model='i' body='b' prefix='{letter}'/>" for letter in "abcdefghij")
        (inside / f"m{level}.xml").write_text(
            f"<mujoco>{asset}<worldbody><body name='b'>{twins}</body></worldbody></mujoco>",
            encoding="utf-8",
        )
    with pytest.raises(ModelError, match="elements with all copies"):
        ModelGuard([inside]).scene("m7.xml")
    (inside / "self.xml").write_text(
        "<mujoco><asset><model name='i' file='self.xml'/></asset></mujoco>", encoding="utf-8"
    )
    with pytest.raises(ModelError, match="attaches models 8 deep"):
        ModelGuard([inside]).scene("self.xml")
    (inside / "loop.xml").write_text("<mujoco><include file='loop.xml'/></mujoco>", encoding="utf-8")
    with pytest.raises(ModelError, match="twice"):
        ModelGuard([inside]).scene("loop.xml")


def test_picture_that_a_few_bytes_make_huge_is_refused(inside: Path) -> None:
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 60000, 60000) + b"\x01\0\0\0\0"
    (inside / "bomb.png").write_bytes(header)
    text = f"<mujoco><asset><texture name='t' type='2d' file='{inside}/bomb.png'/></asset></mujoco>"
    guard = ModelGuard([inside])
    with pytest.raises(ModelError, match="60000 x 60000 pixels; valid: at most 8192"):
        parse_model(guard.text(text), "a test", guard.rule)


def test_material_library_of_an_obj_is_not_opened(inside: Path) -> None:
    # Opening a pipe that nobody writes to would hold the reader.
    os.mkfifo(inside.parent / "evil.mtl")
    (inside / "meshes" / "m.obj").write_bytes(
        b"mtllib ../../evil.mtl\nmtllib %s/evil.mtl\n" % str(inside.parent).encode() + TETRAHEDRON
    )
    (inside / "main.xml").write_text(f"<mujoco>{mesh('meshes/m.obj')}</mujoco>", encoding="utf-8")
    done = threading.Event()

    def load() -> None:
        rule = FileRule((inside.resolve(),))
        compile_model(open_model(inside / "main.xml", "a test", rule), inside / "main.xml", "a test")
        done.set()

    threading.Thread(target=load, daemon=True).start()
    assert done.wait(20.0)


def test_files_are_found_where_mujoco_would_find_them(inside: Path) -> None:
    (inside / "sub" / "part.xml").write_text(
        "<mujoco><compiler meshdir='meshes'/><asset><mesh file='m.obj'/></asset></mujoco>", encoding="utf-8"
    )
    (inside / "sub" / "inner.xml").write_text(
        "<mujoco model='i'><compiler meshdir='../meshes'/>" + mesh("m.obj") + "</mujoco>", encoding="utf-8"
    )
    (inside / "main.xml").write_text(
        "<mujoco><include file='sub/part.xml'/><asset><model name='i' file='sub/inner.xml'/></asset><worldbody>"
        "<geom type='mesh' mesh='m'/><attach model='i' body='b' prefix='p/'/></worldbody></mujoco>",
        encoding="utf-8",
    )
    guard = ModelGuard([inside])
    for rule in (guard.rule, FileRule()):
        model = compile_model(open_model(guard.scene("main.xml"), "a test", rule), inside / "main.xml", "a test")
        assert [model.mesh(i).name for i in range(model.nmesh)] == ["m", "p/m"]


def test_export_names_files_where_they_came_from_and_loads_again(inside: Path) -> None:
    (inside / "main.xml").write_text(f"<mujoco><compiler meshdir='meshes'/>{mesh('m.obj')}</mujoco>", encoding="utf-8")
    guard = ModelGuard([inside])
    world = World(WorldConfig(robots=(), scene=guard.scene("main.xml"), scene_rule=guard.rule))
    text = export_mjcf(world)
    assert f'file="{inside.resolve()}/meshes/m.obj"' in text
    again = World(WorldConfig(robots=(), scene_xml=guard.text(text), scene_rule=guard.rule))
    assert again.model.mesh_vert.tobytes() == world.model.mesh_vert.tobytes()
    # What the world holds may be named even where it could not be read now; nothing else outside may.
    stranger = ModelGuard([inside / "sub"])
    with pytest.raises(ModelError, match="lies outside"):
        stranger.text(text)
    held = held_files(world)
    (inside / "meshes" / "m.obj").unlink()
    kept = World(WorldConfig(robots=(), scene_xml=stranger.text(text, held), scene_rule=stranger.rule_with(held)))
    assert kept.model.mesh_vert.tobytes() == world.model.mesh_vert.tobytes()
