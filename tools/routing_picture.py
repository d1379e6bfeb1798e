"""Draw book/images/routing.png: three iterations of routing on chapter 3's toy."""

from pathlib import Path

from capsedu.explore.figures import routing_picture
from capsedu.explore.toy import toy_children, toy_weight
from capsedu.routing.dynamic import dynamic_routing_steps
from capsedu.routing.voteless import child_votes


def main() -> None:
    votes = child_votes(toy_children(), toy_weight())
    figure = routing_picture(votes, list(dynamic_routing_steps(votes, iterations=3)))
    path = Path(__file__).parents[1] / "book/images/routing.png"
    figure.savefig(path, dpi=160, facecolor="white", metadata={"Software": None})


if __name__ == "__main__":
    main()
