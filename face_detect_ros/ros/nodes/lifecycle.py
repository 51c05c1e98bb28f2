"""The base of this package's nodes: a managed (lifecycle) node that starts by itself and reports its health."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from face_detect_ros.core.errors import PerceptionError
from face_detect_ros.ros.inputs.camera import ImageHub
from face_detect_ros.ros.outputs import diagnostics
from face_detect_ros.ros.parameters import Parameters, parameter

DIAGNOSTICS_PERIOD_S = 1.0


@dataclasses.dataclass(frozen=True)
class NodeParameters:
    """Parameters of every node."""

    autostart: bool = parameter(
        True, "Configure and activate at start; false leaves both to a lifecycle manager.", read_only=True
    )


P = TypeVar("P", bound=NodeParameters)

# of every node that publishes pictures
PRIVACY = parameter(
    False, "Publish no picture in which a face can be recognized, and store none.", read_only=True
)


class PerceptionNode(LifecycleNode, Generic[P]):  # type: ignore[misc]
    """A managed node around the four methods that a subclass writes.

    `configure` loads what takes time, `activate` starts the flow of data, `deactivate` stops it, `cleanup` releases
    everything. An error in `configure` or `activate` is logged with its reason and leaves the node in the state it
    was in, so it can be put right and tried again. `describe` tells diagnostics what is going on.

    hub: shared by the nodes of a process, so that they share frames.
    Raises ConfigError if a parameter has a wrong initial value.
    """

    def __init__(
        self, name: str, schema: type[P], hub: ImageHub | None = None, **node_arguments: Any
    ) -> None:
        super().__init__(name, **node_arguments)
        self.hub = hub or ImageHub()
        self.active = False
        self._parameters_of_node: Parameters[P] = Parameters(self, schema, self.on_parameters_changed)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._last_error = ""
        # the steady clock runs under use_sim_time too, and when that clock stands still
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics_timer = self.create_timer(
            DIAGNOSTICS_PERIOD_S, partial(self._while_running, self._report), clock=steady
        )
        if self.params.autostart:
            self._autostart_timer = self.create_timer(
                0.01, partial(self._while_running, self._autostart), clock=steady
            )

    @property
    def params(self) -> P:
        """A snapshot of the parameters."""
        return self._parameters_of_node.value

    # what a subclass writes

    def configure(self) -> None:
        """Load and create. Raises PerceptionError with the reason if that cannot be done."""

    def activate(self) -> None:
        """Start the flow of data. Raises PerceptionError."""

    def deactivate(self) -> None:
        """Stop the flow of data."""

    def cleanup(self, timeout_s: float) -> bool:
        """Release everything, also what a failed `configure` left. False if a thread is still busy after
        `timeout_s`. Called in any state, repeatedly."""
        return True

    def describe(self) -> tuple[str, str, dict[str, str]]:
        """hardware id, problem (empty: none), figures for diagnostics."""
        return "", "", {}

    def on_parameters_changed(self, new: P, old: P) -> None:
        """Judge a change before it holds. Raises ConfigError to reject it."""

    # the state machine

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt("configure", self.configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = True  # before the data flow: the first picture counts too
        result = self._attempt("activate", self.activate)
        self.active = result == TransitionCallbackReturn.SUCCESS
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = False
        return self._attempt("deactivate", self.deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._last_error = ""
        self.cleanup(timeout_s=5.0)
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop(timeout_s=5.0)
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop(timeout_s=5.0)
        return TransitionCallbackReturn.SUCCESS

    def stop(self, timeout_s: float) -> bool:
        """Leave any state for the end of the process. False if a thread is still busy after `timeout_s`."""
        if self.active:
            self.active = False
            self.deactivate()
        return self.cleanup(timeout_s)

    def destroy_node(self) -> None:
        super().destroy_node()
        # rclpy forgets this one: it would keep the node in the graph until the garbage collector comes
        self._state_machine.destroy_when_not_in_use()

    def _attempt(self, verb: str, action: Callable[[], None]) -> TransitionCallbackReturn:
        # rclpy swallows what a transition raises, so nothing may leave here unsaid
        try:
            action()
        except Exception as error:
            if not self.context.ok():
                # the process was asked to end in the middle of it, and the transition cannot be told to anybody
                raise KeyboardInterrupt from error
            return self._explain(verb, error)
        self._last_error = ""
        return TransitionCallbackReturn.SUCCESS

    def _explain(self, verb: str, error: Exception) -> TransitionCallbackReturn:
        if isinstance(error, PerceptionError):
            self._last_error = f"cannot {verb}: {error}"
            self.get_logger().error(self._last_error)
            if verb == "configure":
                self.cleanup(timeout_s=5.0)
            return TransitionCallbackReturn.FAILURE
        self._last_error = f"cannot {verb}: {type(error).__name__}: {error}"
        self.get_logger().error(f"{self._last_error}\n{traceback.format_exc()}")
        return TransitionCallbackReturn.ERROR

    def _while_running(self, action: Callable[[], None]) -> None:
        """Do it; what it raises after the process was asked to end does not matter: no publisher works then."""
        try:
            action()
        except (Exception, KeyboardInterrupt):
            if self.context.ok():
                raise

    def _autostart(self) -> None:
        self._autostart_timer.cancel()
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS and self.context.ok():
            self.trigger_activate()

    def _report(self) -> None:
        hardware_id, problem, values = self.describe()
        state = self._state_machine.current_state[1]
        name = self.get_fully_qualified_name().lstrip("/")
        status = diagnostics.status(name, hardware_id, self._last_error, problem, {"state": state, **values})
        self._diagnostics.publish(diagnostics.array(self.get_clock().now().to_msg(), [status]))
