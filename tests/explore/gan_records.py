"""Records of generators made by hand, for tests."""

from capsedu.records import Record, write_record


def history(*fids: float, batches: int = 500, seconds: float = 0.2, modes: float = 10) -> list:
    """A milestone every ``batches``, ten rows before each, and a pause of 50 s to measure."""
    rows, clock = [], 0.0
    for k, fid in enumerate(fids):
        for tenth in range(1, 11):
            clock += seconds * batches / 10
            row = {"step": k * batches + tenth * batches // 10, "seconds": clock}
            rows.append(row | {"discriminator_loss": 0.2, "generator_loss": 1 / (1 + len(rows))})
        clock += 50
        rows[-1] |= {"fid": fid, "kid": fid / 20, "precision": 0.4, "recall": 0.7, "modes": modes}
        rows[-1]["seconds"] = clock
    return rows


def gan_record(name: str, rows: list, seed: int = 0, profile: str = "small") -> Record:
    """A record of the named experiment with this history, written where records are read."""
    record = Record(
        name=name,
        profile=profile,
        seed=seed,
        title="",
        source="",
        data={},
        image_shape=(1, 32, 32),
        classes=10,
        parameters=3_200_385,
        figures={},
        published={},
        history=rows,
        wall_seconds=rows[-1]["seconds"],
        device="",
        precision="",
        command="",
    )
    write_record(record)
    return record
