"""What is kept of a stream."""
import tempfile

from publisher import counters, probe
from waiting import wait_until


def finished(stack, stream):
    """The recording of a stream, once it is complete."""
    return wait_until(
        "the recording is complete",
        lambda: next((one for one in stack.recordings(stream["id"]) if one["state"] == "complete"), None),
        timeout=30,
    )


def authorised(stack):
    return {"Authorization": "Bearer " + stack.access["api_token"]}


def recorded_counters(stack, recording):
    """The numbers in the recording's pictures, in their order."""
    return counters(stack.absolute(recording["fileUrl"]), authorised(stack))


def saved(stack, recording):
    """The name of a file that the recording was downloaded to."""
    answer = stack.request(recording["fileUrl"])
    assert answer.status == 200
    with tempfile.NamedTemporaryFile(prefix="martlet-recording-", suffix=".mp4", delete=False) as file:
        file.write(answer.body)
    return file.name


def picture_times(stack, recording):
    """When each picture is shown, in seconds, rising."""
    packets = probe(saved(stack, recording), "-select_streams", "v:0", "-show_entries", "packet=pts_time")["packets"]
    return sorted(float(packet["pts_time"]) for packet in packets)
