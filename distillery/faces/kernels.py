# mypy: ignore-errors
# Warp compiles these functions to C++; what they look like to Python is not what they mean.
"""Warp kernels: one ray a pixel against the head, shaded from textures and from what each triangle is made of."""

import warp as wp

from distillery.faces.look import Look

# Cylinder on which skin is painted: axis through the skull, metres in the template's frame.
AXIS_Y = wp.constant(-0.06)
LOW_Z = wp.constant(0.40)
HIGH_Z = wp.constant(0.86)
TURN = wp.constant(6.2831853)


@wp.kernel(enable_backward=False)
def face_normals(points: wp.array(dtype=wp.vec3), triangles: wp.array(dtype=int), normals: wp.array(dtype=wp.vec3)):
    """Adds each triangle's area-weighted normal to its corners."""
    t = wp.tid()
    a = triangles[3 * t]
    b = triangles[3 * t + 1]
    c = triangles[3 * t + 2]
    normal = wp.cross(points[b] - points[a], points[c] - points[a])
    wp.atomic_add(normals, a, normal)
    wp.atomic_add(normals, b, normal)
    wp.atomic_add(normals, c, normal)


@wp.func
def blend(u: float, v: float, values: wp.array(dtype=wp.vec3), triangles: wp.array(dtype=int), t: int) -> wp.vec3:
    """Interpolates a vertex quantity; u and v are the weights of the first two corners."""
    return (
        u * values[triangles[3 * t]] + v * values[triangles[3 * t + 1]] + (1.0 - u - v) * values[triangles[3 * t + 2]]
    )


@wp.func
def texel(place: wp.vec3, width: int, height: int) -> wp.vec2:
    """Column and row, in texels, of a place on the template."""
    turn = wp.atan2(place[0], AXIS_Y - place[1]) / TURN + 0.5
    rise = (HIGH_Z - place[2]) / (HIGH_Z - LOW_Z)
    column = wp.clamp(turn * float(width) - 0.5, 0.0, float(width) - 1.001)
    row = wp.clamp(rise * float(height) - 0.5, 0.0, float(height) - 1.001)
    return wp.vec2(column, row)


@wp.func
def skin_colour(
    place: wp.vec3, skin: wp.array2d(dtype=wp.vec3), folds: wp.array2d(dtype=wp.vec4), weights: wp.vec4
) -> wp.vec3:
    where = texel(place, skin.shape[1], skin.shape[0])
    j = int(where[0])
    i = int(where[1])
    f = where[0] - float(j)
    g = where[1] - float(i)
    colour = (1.0 - g) * ((1.0 - f) * skin[i, j] + f * skin[i, j + 1]) + g * (
        (1.0 - f) * skin[i + 1, j] + f * skin[i + 1, j + 1]
    )
    fold = (1.0 - g) * ((1.0 - f) * folds[i, j] + f * folds[i, j + 1]) + g * (
        (1.0 - f) * folds[i + 1, j] + f * folds[i + 1, j + 1]
    )
    return colour * wp.max(1.0 - wp.dot(fold, weights), 0.25)


@wp.func
def eye_colour(place: wp.vec3, look: Look) -> wp.vec3:
    """Pupil, iris with a dark rim, sclera: rings around the axis of the eyeball."""
    centre = look.eye_right
    if place[0] > 0.0:
        centre = look.eye_left
    dx = place[0] - centre[0]
    dz = place[2] - centre[2]
    r = wp.sqrt(dx * dx + dz * dz)
    colour = look.sclera
    if r < 0.0068:
        colour = look.iris
    if r < 0.0068 and r > 0.0056:
        colour = 0.45 * look.iris
    if r < 0.0027:
        colour = wp.vec3(0.006, 0.006, 0.006)
    return colour


@wp.func
def strands(place: wp.vec3) -> float:
    """Brightness of hair in 0.7..1.2, in streaks which run down the head."""
    turn = wp.atan2(place[0], AXIS_Y - place[1])
    return 0.95 + 0.13 * wp.sin(turn * 61.0 + 9.0 * place[2]) + 0.12 * wp.sin(turn * 23.0 - 25.0 * place[2])


@wp.kernel(enable_backward=False)
def shoot(
    mesh: wp.uint64,
    triangles: wp.array(dtype=int),
    parts: wp.array(dtype=int),
    normals: wp.array(dtype=wp.vec3),
    rest: wp.array(dtype=wp.vec3),
    marks: wp.array(dtype=wp.vec2),
    skin: wp.array2d(dtype=wp.vec3),
    folds: wp.array2d(dtype=wp.vec4),
    look: Look,
    side: int,
    out: wp.array(dtype=wp.vec4),
):
    """Linear RGB and coverage of each pixel. `marks` holds how much every vertex is lip, and ear, each in 0..1."""
    tid = wp.tid()
    i = tid // side
    j = tid - i * side
    x = ((float(j) + 0.5) / float(side) * 2.0 - 1.0) * look.half + look.shift_x
    z = (1.0 - (float(i) + 0.5) / float(side) * 2.0) * look.half + look.shift_z
    origin = wp.vec3(0.0, -look.distance, 0.0)
    ray = wp.normalize(wp.vec3(x, look.distance, z))
    colour = wp.vec4(0.0, 0.0, 0.0, 0.0)
    for _layer in range(4):
        query = wp.mesh_query_ray(mesh, origin, ray, 100.0)
        if not query.result:
            # MakeHuman's curtain of hair has gaps beside the neck: behind them hangs more hair.
            if wp.abs(x) < 0.37 and z < 0.0 and z > look.mane:
                colour = wp.vec4(
                    0.4 * look.hair[0] * look.sky[0],
                    0.4 * look.hair[1] * look.sky[1],
                    0.4 * look.hair[2] * look.sky[2],
                    1.0,
                )
            break
        t = query.face
        part = parts[t]
        place = blend(query.u, query.v, rest, triangles, t)
        spot = origin + query.t * ray
        wave = 0.012 * wp.sin(90.0 * place[0]) + 0.006 * wp.sin(310.0 * place[0] + 2.0)
        cut = place[2] < look.length + wave
        if place[1] < -0.085 and wp.abs(place[0]) < 0.075:
            cut = cut or place[2] < look.fringe + 0.3 * wave
        if part == 5 and cut:
            origin = spot + 0.0005 * ray
            continue
        normal = wp.normalize(blend(query.u, query.v, normals, triangles, t))
        if wp.dot(normal, ray) > 0.0:
            normal = -normal
        mark = (
            query.u * marks[triangles[3 * t]]
            + query.v * marks[triangles[3 * t + 1]]
            + (1.0 - query.u - query.v) * marks[triangles[3 * t + 2]]
        )
        gloss = look.gloss
        albedo = look.flesh
        if part == 0 and mark[1] < 0.4:
            albedo = skin_colour(place, skin, folds, look.fold_weights)
            lip = mark[0] * look.lip_weight
            albedo = (1.0 - lip) * albedo + lip * look.lip
            gloss = gloss * (1.0 + lip)
        elif part == 1:
            albedo = eye_colour(place, look)
            gloss = 0.0
        elif part == 2:
            albedo = look.teeth
        elif part == 3:
            albedo = wp.vec3(0.25, 0.06, 0.06)
        elif part == 4:
            albedo = wp.vec3(0.01, 0.008, 0.008)
            gloss = 0.0
        elif part == 5:
            albedo = look.hair * strands(place)
        elif part == 6:
            albedo = look.frame
        elif part == 7:
            albedo = wp.vec3(0.05, 0.008, 0.008)
            gloss = 0.0
        facing = wp.max(wp.dot(normal, look.key_direction), 0.0)
        if part == 0 and facing > 0.0 and look.shadow > 0.0:
            blocked = wp.mesh_query_ray(
                mesh, spot + 0.012 * look.key_direction + 0.004 * normal, look.key_direction, 3.0
            )
            if blocked.result and parts[blocked.face] != 5 and parts[blocked.face] != 4:
                facing = facing * (1.0 - look.shadow)
        up = 0.5 + 0.5 * normal[2]
        light = facing * look.key + up * look.sky + (1.0 - up) * look.ground
        glance = wp.normalize(look.key_direction - ray)
        shine = gloss * wp.pow(wp.max(wp.dot(normal, glance), 0.0), 18.0)
        shaded = wp.cw_mul(albedo, light) + shine * look.key
        colour = wp.vec4(shaded[0], shaded[1], shaded[2], 1.0)
        break
    out[tid] = colour
