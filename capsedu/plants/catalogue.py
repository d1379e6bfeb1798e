"""Every planted mistake."""

from functools import partial

from capsedu.plants import capsules, em, gan, losses, properties, routings, squashes
from capsedu.plants.plant import Plant

_squash = partial(Plant, role="squash", right=squashes.squash)
_routing = partial(Plant, role="routing", right=routings.routing)
_margin = partial(Plant, role="margin", right=losses.margin)

_CAPSNET = (
    Plant(
        name="cut-across-positions",
        title="primary capsules cut across positions",
        seen="A reshape of the convolution's output, channels first, straight to [batch, capsules, "
        "8]. Right where channels come last, and carried over from there.",
        role="cut",
        right=capsules.cut,
        wrong=capsules.across_positions,
        test=properties.capsule_has_one_place,
    ),
    _squash(
        name="squash-per-component",
        title="squash of each component",
        seen="An activation function works on each number, and squash was written as one.",
        wrong=squashes.per_component,
        test=properties.direction_is_kept,
    ),
    _squash(
        name="squash-wrong-axis",
        title="squash over the capsules",
        seen="A default axis that was right for one layout and met another.",
        wrong=squashes.wrong_axis,
        test=properties.capsule_is_squashed_alone,
    ),
    _squash(
        name="squash-without-square",
        title="squash without the squares",
        seen="‖s‖ read where ‖s‖² stands.",
        wrong=squashes.without_square,
        test=properties.length_2_becomes_four_fifths,
    ),
    _squash(
        name="squash-square-too-many",
        title="squash with a square too many",
        seen="Copied from the equation in the paper on Recurrent Capsule Networks.",
        wrong=squashes.square_too_many,
        test=properties.length_2_becomes_four_fifths,
    ),
    _squash(
        name="squash-root",
        title="no finite gradient at 0",
        seen="The norm written out as the root of the sum of squares.",
        wrong=squashes.root_of_squares,
        test=properties.slope_at_zero_is_finite,
    ),
    _routing(
        name="softmax-over-children",
        title="softmax over the children",
        seen="dim=1 for dim=2, once an axis has been added or removed.",
        wrong=routings.over_children,
        test=properties.child_gives_itself_once,
    ),
    _routing(
        name="shared-logits",
        title="logits shared by the batch",
        seen="Logits kept as a parameter or buffer of the layer, [children, parents], and updated "
        "with the mean agreement of the batch.",
        wrong=routings.shared_logits,
        test=properties.image_is_routed_alone,
    ),
    _routing(
        name="extra-pass",
        title="an iteration too many",
        seen="One pass before the loop and three in it, or a loop up to and including its end.",
        wrong=routings.extra_pass,
        test=properties.three_iterations_are_three,
    ),
    _routing(
        name="detached",
        title="no gradient but through the last iteration",
        seen="Votes detached in the loop to save memory. The paper's authors do not.",
        wrong=routings.detached,
        test=properties.gradient_is_the_slope,
    ),
    Plant(
        name="large-weights",
        title="votes' weights a hundred times too large",
        seen="`torch.randn` without a factor.",
        role="weight",
        right=capsules.small_weights,
        wrong=capsules.large_weights,
        test=properties.untrained_capsule_is_unsure,
    ),
    _margin(
        name="margin-without-square",
        title="margin loss without the square",
        seen="A hinge loss written from memory.",
        wrong=losses.margin_without_square,
        test=properties.half_too_short_costs_a_quarter,
    ),
    _margin(
        name="softmax-before-margin",
        title="a softmax before the margin loss",
        seen="A classifier's habit: scores are put through a softmax.",
        wrong=losses.margin_of_softmax,
        test=properties.perfect_lengths_cost_nothing,
    ),
    Plant(
        name="drawing-mean",
        title="reconstruction: mean × 0.0005",
        seen="The framework's squared error takes the mean over pixels; the factor is the paper's, "
        "which belongs to the sum. About a dozen repositories.",
        role="drawing",
        right=losses.drawing,
        wrong=losses.drawing_mean,
        test=properties.every_pixel_costs,
    ),
    Plant(
        name="drawing-by-prediction",
        title="reconstruction of the predicted class",
        seen="One function for training and for use.",
        role="shown",
        right=losses.shown_target,
        wrong=losses.shown_prediction,
        test=properties.decoder_is_shown_the_target,
    ),
)

_EM = (
    Plant(
        name="em-own-window",
        title="EM: children divided in each window by itself",
        seen="Windows unfolded into a batch, and routing called on the batch.",
        role="divide",
        right=em.divide,
        wrong=em.divide_in_window,
        test=properties.child_in_many_windows_gives_itself_once,
    ),
    Plant(
        name="em-constant-temperature",
        title="EM: no schedule for the temperature",
        seen="λ set to a constant, because the paper gives no schedule.",
        role="temperature",
        right=em.temperature,
        wrong=em.constant_temperature,
        test=properties.sureness_grows,
    ),
    Plant(
        name="em-wrong-components",
        title="EM: coordinates added to the wrong components",
        seen="The first two numbers of a flattened matrix; or an index for a pose stored by rows.",
        role="pose",
        right=em.RightHandColumn,
        wrong=em.FirstComponents,
        test=properties.coordinates_are_a_translation,
    ),
    Plant(
        name="em-no-epsilon",
        title="EM: variances without an epsilon",
        seen="The equation as it is printed.",
        role="variance",
        right=em.variance,
        wrong=em.bare_variance,
        test=properties.equal_votes_are_no_problem,
    ),
    Plant(
        name="em-activations-cancel",
        title="EM: the children's activations cancel",
        seen="Weights made to sum to 1 over the parents after the activations came in. One popular "
        "port.",
        role="weigh",
        right=em.weigh,
        wrong=em.weigh_and_normalise,
        test=properties.activations_matter,
    ),
)

_GAN = (
    Plant(
        name="gan-not-detached",
        title="GAN: the made images are not detached",
        seen="One batch of made images for both steps, without detach() in the discriminator's.",
        role="judge",
        right=gan.judge,
        wrong=gan.judge_and_tell,
        test=properties.generator_hears_nothing,
    ),
)

PLANTS: dict[str, Plant] = {plant.name: plant for plant in (*_CAPSNET, *_EM, *_GAN)}
