"""What a warp kernel is told of one image beside geometry and textures."""

import warp as wp


@wp.struct
class Look:
    """Everything of one image which is not geometry or texture. Colours are linear RGB, albedo in 0..1."""

    iris: wp.vec3
    sclera: wp.vec3
    flesh: wp.vec3  # ears, which the cylinder of paint does not reach
    lip: wp.vec3
    lip_weight: float
    hair: wp.vec3
    frame: wp.vec3
    teeth: wp.vec3
    eye_left: wp.vec3  # centre of the eyeball in the template
    eye_right: wp.vec3
    fold_weights: wp.vec4  # forehead, glabella, mouth-to-nose, crow's feet
    length: float  # hair below this height (template metres) is cut
    fringe: float  # hair in front of the forehead below this height is cut
    mane: float  # hair fills what shows behind the neck down to here, in head heights
    key_direction: wp.vec3  # unit, from the face to the lamp
    key: wp.vec3
    sky: wp.vec3
    ground: wp.vec3
    shadow: float  # 0: the key light casts no shadow, 1: full
    gloss: float
    distance: float  # camera to the centre of the head, in head heights
    half: float  # half the picture's width at the centre, in head heights
    shift_x: float
    shift_z: float
