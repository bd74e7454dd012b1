"""What every client of the API does over TCP, so that its door lets requests through to what is tested."""

import schemathesis
from schemathesis.core import NotSet


@schemathesis.hook
def before_call(context, case, kwargs):
    # The door looks at the content type before anybody looks at the method: a
    # PUT without one is 415 wherever it goes. A type that the test chose stays.
    if case.method.upper() in {"POST", "PUT", "PATCH"}:
        if isinstance(case.body, NotSet) and "content-type" not in case.headers:
            case.headers["Content-Type"] = "application/json"
