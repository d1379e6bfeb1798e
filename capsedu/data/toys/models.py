"""Fifty toys: ten of each of smallNORB's five classes, with their proportions in a table."""

from math import cos, radians, sin

from capsedu.data.toys.solids import Box, Cone, Part, Toy, Wheel

# Half the body's length, its radius; the legs' length and radius; the neck's length and
# its angle above the horizon in degrees; the head's radius, the snout's length; the ears'
# and the tail's length; the length of a trunk, and of horns.
ANIMALS = {
    "horse": (0.46, 0.20, 0.50, 0.060, 0.42, 50, 0.12, 0.26, 0.12, 0.45, 0, 0),
    "elephant": (0.40, 0.36, 0.36, 0.125, 0.12, 25, 0.24, 0.06, 0.30, 0.25, 0.60, 0.22),
    "giraffe": (0.32, 0.19, 0.56, 0.055, 0.85, 62, 0.11, 0.20, 0.09, 0.30, 0, 0.10),
    "dog": (0.36, 0.17, 0.32, 0.060, 0.22, 48, 0.15, 0.18, 0.15, 0.36, 0, 0),
    "pig": (0.42, 0.29, 0.20, 0.080, 0.08, 5, 0.22, 0.16, 0.13, 0.14, 0, 0),
    "cow": (0.48, 0.28, 0.36, 0.075, 0.24, 22, 0.17, 0.22, 0.13, 0.45, 0, 0.20),
    "cat": (0.38, 0.16, 0.30, 0.050, 0.16, 48, 0.17, 0.06, 0.14, 0.60, 0, 0),
    "dinosaur": (0.42, 0.28, 0.30, 0.105, 0.75, 38, 0.12, 0.12, 0.00, 0.90, 0, 0),
    "bear": (0.42, 0.31, 0.30, 0.115, 0.16, 18, 0.22, 0.14, 0.11, 0.08, 0, 0),
    "sheep": (0.36, 0.31, 0.28, 0.055, 0.14, 32, 0.15, 0.16, 0.14, 0.12, 0, 0),
}

# The legs' length and radius and how far they are apart; the trunk's length, the width of
# the shoulders and the belly's radius; the head's radius; the arms' angle from hanging
# down, to the side and to the front, and the elbow's, in degrees; a hat's brim.
HUMANS = {
    "soldier": (0.62, 0.095, 0.12, 0.46, 0.27, 0.17, 0.15, 14, 10, 15, 0.00),
    "cowboy": (0.60, 0.090, 0.22, 0.46, 0.27, 0.17, 0.15, 38, 0, 60, 0.27),
    "dancer": (0.72, 0.070, 0.10, 0.40, 0.21, 0.12, 0.13, 140, 0, 20, 0.00),
    "boxer": (0.56, 0.110, 0.22, 0.48, 0.31, 0.20, 0.15, 40, 50, 80, 0.00),
    "scarecrow": (0.62, 0.085, 0.09, 0.46, 0.25, 0.15, 0.15, 90, 0, 0, 0.25),
    "giant": (0.50, 0.125, 0.20, 0.56, 0.36, 0.27, 0.15, 30, 10, 25, 0.00),
    "child": (0.42, 0.095, 0.13, 0.38, 0.21, 0.16, 0.20, 55, 0, 10, 0.00),
    "diver": (0.66, 0.085, 0.12, 0.46, 0.26, 0.15, 0.14, 20, 150, 0, 0.00),
    "gardener": (0.54, 0.100, 0.16, 0.44, 0.26, 0.20, 0.15, 25, 55, 40, 0.30),
    "goalkeeper": (0.60, 0.090, 0.30, 0.46, 0.27, 0.16, 0.15, 75, 20, -35, 0.00),
}

# Half the fuselage's length, its radius; half the wings' span, half their length at the
# root, how far they are swept back, where they are along x, and how high; half the
# tailplane's span and the fin's height; engines under each wing; a second wing's height.
AIRPLANES = {
    "airliner": (0.95, 0.130, 0.92, 0.17, -0.45, 0.12, -0.05, 0.36, 0.34, 1, 0),
    "biplane": (0.66, 0.130, 0.80, 0.17, 0.00, 0.22, -0.10, 0.32, 0.26, 0, 0.36),
    "jet": (0.92, 0.120, 0.56, 0.34, -0.80, -0.20, 0.00, 0.34, 0.34, 0, 0),
    "glider": (0.78, 0.095, 1.20, 0.11, -0.04, 0.15, 0.06, 0.34, 0.28, 0, 0),
    "bomber": (0.90, 0.140, 1.05, 0.18, -0.12, 0.18, 0.02, 0.42, 0.36, 2, 0),
    "seaplane": (0.72, 0.150, 0.95, 0.17, 0.00, 0.14, 0.16, 0.34, 0.30, 1, 0),
    "jumbo": (0.98, 0.175, 0.95, 0.21, -0.50, 0.10, -0.08, 0.40, 0.38, 2, 0),
    "triangle": (0.88, 0.115, 0.60, 0.42, -1.00, -0.28, -0.02, 0.10, 0.36, 0, 0),
    "trainer": (0.66, 0.130, 0.84, 0.18, 0.02, 0.16, -0.09, 0.32, 0.28, 0, 0),
    "carrier": (0.86, 0.190, 1.00, 0.19, -0.06, 0.10, 0.17, 0.42, 0.42, 2, 0),
}

# Half the length and the width; the bonnet's length (0: none), the cab's length and
# height; the load's height and shape; the wheels' radius and the number of rear axles.
TRUCKS = {
    "lorry": (0.92, 0.31, 0.00, 0.38, 0.62, 0.74, "box", 0.15, 2),
    "tanker": (0.98, 0.28, 0.00, 0.36, 0.58, 0.52, "tank", 0.14, 2),
    "tipper": (0.84, 0.33, 0.16, 0.34, 0.56, 0.46, "tray", 0.18, 2),
    "pickup": (0.86, 0.31, 0.34, 0.42, 0.46, 0.28, "tray", 0.16, 1),
    "van": (0.78, 0.32, 0.14, 0.36, 0.56, 0.78, "box", 0.14, 1),
    "logger": (0.98, 0.29, 0.24, 0.34, 0.56, 0.36, "logs", 0.15, 2),
    "hauler": (1.00, 0.29, 0.30, 0.34, 0.60, 0.70, "box", 0.15, 2),
    "milk": (0.84, 0.29, 0.20, 0.34, 0.54, 0.50, "tank", 0.15, 1),
    "dumper": (0.80, 0.38, 0.10, 0.36, 0.60, 0.54, "tray", 0.23, 1),
    "flatbed": (0.96, 0.31, 0.00, 0.40, 0.62, 0.14, "tray", 0.15, 2),
}

# Half the length and the width; the body's height; where the cabin is along x, half its
# length and its height; how its windscreens lean; the wheels' radius; rounding; a spoiler.
CARS = {
    "saloon": (0.86, 0.34, 0.24, -0.06, 0.44, 0.24, 0.55, 0.16, 0.08, 0),
    "beetle": (0.74, 0.33, 0.26, -0.04, 0.46, 0.30, 0.75, 0.17, 0.13, 0),
    "racer": (0.94, 0.36, 0.17, -0.22, 0.32, 0.17, 0.70, 0.17, 0.08, 0.20),
    "estate": (0.88, 0.34, 0.24, -0.22, 0.60, 0.25, 0.35, 0.16, 0.06, 0),
    "mini": (0.64, 0.32, 0.25, -0.06, 0.42, 0.28, 0.40, 0.15, 0.08, 0),
    "coupe": (0.86, 0.35, 0.21, -0.14, 0.40, 0.21, 0.80, 0.16, 0.09, 0),
    "limousine": (1.00, 0.32, 0.24, -0.08, 0.64, 0.24, 0.45, 0.15, 0.07, 0),
    "sports": (0.86, 0.37, 0.18, -0.20, 0.36, 0.19, 0.90, 0.17, 0.10, 0.16),
    "jeep": (0.70, 0.35, 0.29, -0.16, 0.42, 0.30, 0.12, 0.20, 0.05, 0),
    "hatchback": (0.74, 0.33, 0.25, -0.16, 0.48, 0.26, 0.50, 0.16, 0.08, 0),
}


def animal(
    half, girth, leg, leg_radius, neck, lift, head, snout, ear, tail, trunk, horn
) -> list[Part]:
    """Four legs, a neck with a head, and a tail."""
    lift = radians(lift)
    hip = 0.62 * girth
    nape = (half + 0.5 * girth, 0, 0.45 * girth)
    top = (nape[0] + neck * cos(lift), 0, nape[2] + neck * sin(lift))
    nose = (top[0] + head * 0.5 + snout, 0, top[2] - 0.45 * snout)
    foot = -0.75 * girth - leg
    rump = (-half - 0.75 * girth, 0, 0.35 * girth)
    parts: list[Part] = [
        Cone((-half, 0, 0), (half, 0, 0.03), girth, 0.95 * girth),
        Cone((half + 0.1 * girth, 0, 0.2 * girth), top, 0.62 * girth, 0.66 * head),
        Cone(top, nose, head, 0.55 * head),
        Cone(rump, (rump[0] - 0.75 * tail, 0, rump[2] - 0.65 * tail), 0.3 * girth, 0.035),
    ]
    for x, step in [(half + 0.15 * girth, 0.06), (-half - 0.15 * girth, -0.04)]:
        parts.append(
            Cone((x, hip, -0.3 * girth), (x + step, hip, foot), 1.5 * leg_radius, leg_radius)
        )
    if ear:
        parts.append(
            Cone(
                (top[0] - 0.1 * head, 0.75 * head, top[2] + 0.7 * head),
                (top[0] - 0.35 * ear, 0.75 * head + 0.55 * ear, top[2] + 0.7 * head + 0.5 * ear)
                if not trunk
                else (top[0] - 0.3 * ear, 0.8 * head + 0.7 * ear, top[2] - 0.5 * ear),
                0.35 * head + 0.1 * ear,
                0.04 + 0.35 * ear * bool(trunk),
            )
        )
    if trunk:
        curl = (nose[0] + 0.14, 0, nose[2] - 0.55 * trunk)
        parts.append(Cone(nose, curl, 0.5 * head, 0.08))
        parts.append(Cone(curl, (curl[0] + 0.16, 0, curl[2] - 0.4 * trunk), 0.08, 0.06))
    if horn:
        root = nose if trunk else (top[0], 0, top[2] + 0.8 * head)
        parts.append(
            Cone(
                (root[0], 0.5 * head, root[2]),
                (root[0] + 0.9 * horn, 0.5 * head + 0.5 * horn, root[2] + 0.5 * horn),
                0.05,
                0.03,
            )
        )
    return parts


def human(
    leg, leg_radius, stance, trunk, shoulders, belly, head, aside, ahead, elbow, brim
) -> list[Part]:
    """Standing, with both arms in the same pose."""
    shoulder = (0, shoulders, trunk - 0.06)
    upper, lower = 0.55 * trunk + 0.06, 0.50 * trunk + 0.06

    def reach(start, length, side, front):
        side, front = radians(side), radians(front)
        return (
            start[0] + length * sin(front) * cos(side if abs(side) < 1.5 else 1.4),
            start[1] + length * sin(side) * cos(front),
            start[2] - length * cos(side) * cos(front),
        )

    bent = reach(shoulder, upper, aside, ahead)
    hand = reach(bent, lower, aside - elbow * 0.4, ahead + elbow)
    arm = 0.75 * leg_radius
    crown = trunk + 0.10 + head
    parts: list[Part] = [
        Cone((0, 0, 0.05), (0, 0, 0.62 * trunk), belly, 1.02 * belly),
        Cone((0, 0, trunk - 0.08), shoulder, 0.8 * belly, 1.15 * arm),
        Cone((0, 0.5 * belly, 0), (0, stance, -leg), 1.25 * leg_radius, leg_radius),
        Cone((0, stance, -leg), (0.17, stance + 0.02, -leg - 0.02), leg_radius, 0.07),
        Cone(shoulder, bent, 1.15 * arm, arm),
        Cone(bent, hand, arm, 0.85 * arm),
        Cone(hand, hand, 1.2 * arm, 1.2 * arm),
        Cone((0, 0, trunk), (0, 0, crown), 0.08, 0.08),
        Cone((0, 0, crown), (0.02, 0, crown + 0.05), head, 0.92 * head),
    ]
    if brim:
        parts.append(Cone((0, 0, crown + 0.10), (0, 0, crown + 0.24), 0.75 * head, 0.6 * head))
        parts.append(Wheel((0, 0, crown + 0.10), brim, 0.03, flat=True))
    return parts


def airplane(half, radius, span, chord, sweep, x, z, tail_span, fin, engines, second) -> list[Part]:
    """A fuselage with wings, a tailplane, a fin and perhaps engines."""
    tail = -half + 0.10
    wing = {"rounding": 0.028, "sweep": (sweep, 0.06)}
    parts: list[Part] = [
        Cone((half - 0.22, 0, 0), (-0.25 * half, 0, 0), radius, radius),
        Cone((half - 0.22, 0, 0), (half, 0, -0.03), radius, 0.45 * radius),
        Cone((-0.25 * half, 0, 0), (-half, 0, 0.35 * radius), radius, 0.35 * radius),
        Cone((half - 0.42, 0, 0.75 * radius), (half - 0.62, 0, 0.75 * radius), 0.07, 0.06),
        Box((x, 0, z), (chord, span, 0.035), **wing),
        Box((tail, 0, 0.3 * radius), (0.10, tail_span, 0.03), 0.028, (min(sweep, -0.3) * 0.8, 0)),
        Cone((tail + 0.08, 0, radius * 0.5), (tail - 0.10, 0, radius * 0.5 + fin), 0.06, 0.04),
        Cone((tail - 0.06, 0, radius * 0.5), (tail - 0.16, 0, radius * 0.5 + fin), 0.05, 0.04),
    ]
    for engine in range(engines):
        y = span * (0.38 + 0.30 * engine)
        parts.append(
            Cone(
                (x + sweep * y + chord + 0.08, y, z - 0.05 + 0.06 * y),
                (x + sweep * y - 0.05, y, z - 0.05 + 0.06 * y),
                0.075,
                0.055,
            )
        )
    if not engines and sweep > -0.1:  # a propeller
        parts.append(Box((half + 0.07, 0, -0.03), (0.025, 0.03, 0.28), 0.02))
        parts.append(Cone((half, 0, -0.03), (half + 0.10, 0, -0.03), 0.06, 0.04))
    if second:
        parts.append(Box((x + 0.04, 0, z + second), (chord, span, 0.035), **wing))
        post = (x + 0.02, 0.62 * span)
        parts.append(Cone((*post, z), (*post, z + second), 0.03, 0.03))
    return parts


def truck(half, width, bonnet, cab, cab_height, load_height, load, wheel, axles) -> list[Part]:
    """A chassis with a cab in front, a gap, and a load."""
    deck = 0.05  # the top of the chassis; the wheels' axes are at 0
    front = half - bonnet
    back = front - cab - 0.07  # where the load begins
    parts: list[Part] = [
        Box((0, 0, 0), (half - 0.03, width * 0.62, 0.06)),
        Box(
            (front - cab / 2, 0, deck + cab_height / 2),
            (cab / 2, width * 0.94, cab_height / 2),
            0.04,
            taper=(0.10, 0.05),
        ),
        Box((half - 0.02, 0, 0.02), (0.03, width * 0.95, 0.07)),
    ]
    if bonnet:
        parts.append(
            Box(
                (front + bonnet / 2 - 0.04, 0, deck + 0.20 * cab_height),
                (bonnet / 2 + 0.04, width * 0.80, 0.26 * cab_height),
                0.05,
            )
        )
    middle, length = (back - half) / 2, (back + half) / 2
    if load == "box":
        box = Box((middle, 0, deck + load_height / 2), (length, width, load_height / 2), 0.02)
        parts.append(box)
    if load == "tank":
        r = load_height / 2
        ends = (-half + 0.8 * r, 0, deck + r), (back - 0.8 * r, 0, deck + r)
        parts.append(Cone(*ends, r, r))
        parts.append(Wheel((middle, 0, deck + 2 * r), 0.09, 0.09))
    if load in ("tray", "logs"):
        parts.append(Box((middle, 0, deck + 0.02), (length, width, 0.05), 0.02))
    if load == "tray":
        wall = (deck + load_height / 2, load_height / 2)
        parts.append(Box((middle, width - 0.03, wall[0]), (length, 0.035, wall[1]), 0.02))
        for x in (-half + 0.03, back - 0.03):
            parts.append(Box((x, 0, wall[0]), (0.035, width, wall[1]), 0.02))
    if load == "logs":
        for y, z in [(0.0, 0.18), (0.20, 0.18), (0.10, 0.36)]:
            logs = (-half + 0.05, y, deck + z), (back - 0.12, y, deck + z)
            parts.append(Cone(*logs, 0.085, 0.085))
        parts.append(Cone((back - 0.04, width, deck), (back - 0.04, width, 0.5), 0.03, 0.03))
    rear = -half + 1.25 * wheel
    for x in [half - 1.3 * wheel, *(rear + 2.15 * wheel * axle for axle in range(axles))]:
        parts.append(Wheel((x, width - 0.05, -0.03), wheel, 0.075))
    return parts


def car(half, width, body, x, cabin, cabin_height, lean, wheel, rounding, spoiler) -> list[Part]:
    """A low body with a cabin on it and four wheels."""
    roof = body + cabin_height / 2
    parts: list[Part] = [
        Box((0, 0, body / 2), (half, width, body / 2 + 0.02), rounding, taper=(0.12, 0.05)),
        Box(
            (x, 0, roof - 0.02),
            (cabin * (1 - 0.15 * lean), width * 0.86, cabin_height / 2 + 0.02),
            min(0.06, rounding),
            taper=(lean, 0.30),
        ),
        Cone(
            (half - 0.02, width * 0.68, body * 0.62), (half, width * 0.68, body * 0.62), 0.06, 0.06
        ),
    ]
    for axle in (half - 1.55 * wheel, -half + 1.55 * wheel):
        parts.append(Wheel((axle, width - 0.035, 0), wheel, 0.07))
    if spoiler:
        parts.append(Box((-half + 0.05, 0, body + spoiler), (0.09, width * 0.95, 0.03), 0.02))
        foot = (-half + 0.08, width * 0.6)
        parts.append(Cone((*foot, body * 0.8), (*foot, body + spoiler), 0.03, 0.03))
    return parts


BUILDERS = {
    "animal": (animal, ANIMALS),
    "human": (human, HUMANS),
    "airplane": (airplane, AIRPLANES),
    "truck": (truck, TRUCKS),
    "car": (car, CARS),
}


def toy(kind: str, instance: int) -> Toy:
    """Toy number ``instance``, 0 to 9, of a class such as ``"animal"``."""
    build, table = BUILDERS[kind]
    return Toy(build(*list(table.values())[instance]))
