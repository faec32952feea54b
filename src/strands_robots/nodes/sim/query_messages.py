"""What queries of a world found, as messages."""

from __future__ import annotations

from std_msgs.msg import ColorRGBA
from strands_robots.msg import BodyState, ContactState, GeomState, JointInfo, SensorReading, WorldObject

from strands_robots.ros.messages.geometry import to_point, to_pose, to_twist, to_vector, to_wrench
from strands_robots.sim.query.objects import ObjectView
from strands_robots.sim.query.queries import BodyView, ContactView, GeomView, JointView, SensorView


def body_to_msg(body: BodyView) -> BodyState:
    """Return a body as a message."""
    return BodyState(
        name=body.name,
        parent=body.parent,
        pose=to_pose(body.position, body.quaternion),
        twist=to_twist(body.linear_velocity, body.angular_velocity),
        mass=body.mass,
        center_of_mass=to_point(body.center_of_mass),
        contact_wrench=to_wrench(body.contact_force, body.contact_torque),
        is_free=body.is_free,
    )


def joint_to_msg(joint: JointView) -> JointInfo:
    """Return a joint as a message."""
    return JointInfo(
        name=joint.name,
        body=joint.body,
        type=joint.type,
        position=joint.position.tolist(),
        velocity=joint.velocity.tolist(),
        actuator_force=joint.actuator_force.tolist(),
        constraint_force=joint.constraint_force.tolist(),
        range=joint.range.tolist(),
        damping=joint.damping,
        armature=joint.armature,
        friction_loss=joint.friction_loss,
    )


def geom_to_msg(geom: GeomView) -> GeomState:
    """Return a shape as a message."""
    r, g, b, a = geom.rgba.tolist()
    return GeomState(
        name=geom.name,
        body=geom.body,
        type=geom.type,
        size=geom.size,
        pose=to_pose(geom.position, geom.quaternion),
        friction=geom.friction,
        color=ColorRGBA(r=r, g=g, b=b, a=a),
        collides=geom.collides,
    )


def sensor_to_msg(sensor: SensorView) -> SensorReading:
    """Return a sensor as a message."""
    return SensorReading(name=sensor.name, type=sensor.type, values=sensor.values.tolist())


def contact_to_msg(contact: ContactView) -> ContactState:
    """Return a contact as a message."""
    return ContactState(
        geoms=list(contact.geoms),
        bodies=list(contact.bodies),
        position=to_point(contact.position),
        normal=to_vector(contact.normal),
        distance=contact.distance,
        wrench=to_wrench(contact.force, contact.torque),
    )


def object_to_msg(view: ObjectView) -> WorldObject:
    """Return an object as a message."""
    r, g, b, a = view.colour.tolist()
    return WorldObject(
        name=view.name,
        motion=view.motion,
        shapes=list(view.shapes),
        centre=to_point(0.5 * (view.lower + view.upper)),
        size=to_vector(view.upper - view.lower),
        own_size=to_vector(view.own_size),
        pose=to_pose(view.position, view.quaternion),
        mass=view.mass,
        color=ColorRGBA(r=r, g=g, b=b, a=a),
    )
