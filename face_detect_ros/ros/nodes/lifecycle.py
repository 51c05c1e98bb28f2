# SPDX-FileCopyrightText: 2026 face_detect_ros authors
# SPDX-License-Identifier: Apache-2.0

"""The base of this package's nodes: a managed (lifecycle) node that starts by itself and reports its health."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future

from face_detect_ros.core.errors import ConfigError, PerceptionError
from face_detect_ros.core.statistics import Throttle
from face_detect_ros.core.text import as_utf8
from face_detect_ros.ros import rclpy_internals
from face_detect_ros.ros.inputs.hub import ImageHub
from face_detect_ros.ros.nodes.loading import Loading
from face_detect_ros.ros.outputs import diagnostics
from face_detect_ros.ros.outputs.diagnostics import Health
from face_detect_ros.ros.parameters import Parameters, parameter, unknown_overrides
from face_detect_ros.ros.runtime import Resting

DIAGNOSTICS_PERIOD_S = 1.0
LOADING_PERIOD_S = 0.02
"""How often a node that loads looks whether it is done."""
CONFIGURE_PATIENCE_S = 3.0
"""A call of `~/change_state` that configures is answered after this long, even if weights are still loading:
lifecycle managers give up after 5 s."""
STOP_TIMEOUT_S = 5.0
FAILURE_PERIOD_S = 5.0
FAILURE_SHOWN_S = 10.0
"""How long diagnostics show that a callback has failed."""

SUCCESS = TransitionCallbackReturn.SUCCESS

GUARDED = "_guarded_by_node"
"""Attribute of callbacks that `PerceptionNode.guarded` has wrapped."""


@dataclasses.dataclass(frozen=True)
class NodeParameters:
    """Parameters of every node."""

    autostart: bool = parameter(
        True, "Configure and activate at start; false leaves both to a lifecycle manager.", read_only=True
    )
    locked: bool = parameter(
        False,
        "Refuse all changes: of parameters, except what is shown and switching privacy on, and of the gallery by "
        "services.",
        read_only=True,
    )


P = TypeVar("P", bound=NodeParameters)

# of every node that publishes images
PRIVACY = parameter(
    False,
    "Publish no image in which a face can be recognized, and store none. May be switched on at any time; off only with "
    "privacy_may_end.",
    safe_value=True,
)
PRIVACY_MAY_END = parameter(
    False,
    "Allow switching privacy off, at the next configure, and changing how faces are covered meanwhile.",
    read_only=True,
)


class PerceptionNode(LifecycleNode, Generic[P]):  # type: ignore[misc]
    """A managed node around the methods that a subclass writes.

    `configure` creates what is quick, `load` does what takes time in a thread of its own, `adopt` takes over what was
    loaded, `activate` starts the flow of data, `deactivate` stops it, and `cleanup` releases everything. A
    PerceptionError in one of them is logged with its reason and leaves the node in the state it was in, so that the
    cause can be fixed and the transition tried again. `health` tells diagnostics what is going on.

    A configuring call of `~/change_state` that takes longer than `CONFIGURE_PATIENCE_S` succeeds before everything is
    loaded. The node may be activated meanwhile and starts to work when it is ready. If loading fails after that, the
    node goes back to unconfigured and reports an error.

    Args:
        name: Name of the node.
        schema: Dataclass of its parameters.
        hub: Shared by the nodes of a process, so that they share frames.
        node_arguments: As for `rclpy.lifecycle.LifecycleNode`.

    Raises:
        ConfigError: A parameter has an unusable initial value.
    """

    topics: ClassVar[dict[str, str]] = {}
    """Topics and services -> what they carry, for `--help`."""
    health_of: ClassVar[str] = "health"
    """What its status on `/diagnostics` is about, in a word or two."""

    def __init__(
        self, name: str, schema: type[P], hub: ImageHub | None = None, **node_arguments: Any
    ) -> None:
        super().__init__(name, **node_arguments)
        self.hub = hub or ImageHub()
        self.active = False
        self.gate = threading.RLock()
        """Held while results are published and while `active` changes: nothing is published after deactivate."""
        self._loading: Loading | None = None
        self._when_loaded: Callable[[TransitionCallbackReturn], None] | None = None
        self._loading_timer: Any = None
        self._last_error = ""
        self._failures = Throttle(FAILURE_PERIOD_S)
        self._failure, self._failed_s, self._failure_count = "", float("-inf"), 0
        self._private = False
        # the steady clock runs under use_sim_time too, and when that clock stands still
        self.steady = Clock(clock_type=ClockType.STEADY_TIME)
        try:
            self._parameters_of_node: Parameters[P] = Parameters(self, schema, self._check_change)
            self._private = bool(getattr(self.params, "privacy", False))
            self._warn_about_unknown_parameters()
            rclpy_internals.wrap_change_state(
                self, lambda original: self.guarded(partial(self._change_state, original), "change_state")
            )
            self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
            self.create_timer(DIAGNOSTICS_PERIOD_S, self._once_a_second, clock=self.steady)
            if self.params.autostart:
                self._autostart_timer = self.create_timer(0.01, self._autostart, clock=self.steady)
        except BaseException:
            self._destroy()
            raise

    @property
    def params(self) -> P:
        """A snapshot of the parameters in use: what takes effect at configure is as it was at the latest one."""
        return self._parameters_of_node.in_use

    def until_configure(self, new: P) -> P:
        """What will be in use of changed parameters before the next configure."""
        return self._parameters_of_node.until_configure(new)

    @property
    def private(self) -> bool:
        """Whether no image may be published in which a face can be recognized."""
        return self._private

    @property
    def loading(self) -> bool:
        """Whether the node is configured, or being configured, but not ready yet."""
        return self._loading is not None

    # what a subclass writes

    def configure(self) -> None:
        """Create what is quick. Raises PerceptionError with the reason if that cannot be done."""

    def load(self) -> Any:
        """Load what takes time; called in a thread of its own. Raises PerceptionError."""

    def adopt(self, loaded: Any) -> None:
        """Take over what `load` returned. Raises PerceptionError."""

    def discard(self, loaded: Any) -> None:
        """Release what `load` returned and nobody wants any more."""

    def activate(self) -> None:
        """Start the flow of data; called when everything is loaded. Raises PerceptionError."""

    def deactivate(self) -> None:
        """Stop the flow of data."""

    def cleanup(self, timeout_s: float) -> bool:
        """Release everything, also what a failed `configure` left. False if a thread is still busy after
        `timeout_s`. Called in any state, repeatedly."""
        return True

    def once_a_second(self) -> None:
        """Do what must be done from time to time, in any state."""

    def health(self) -> Health:
        """What is told on `/diagnostics`. Has no effects."""
        return Health()

    def health_of_parts(self) -> dict[str, Health]:
        """The same of each of several parts, by what it is about, in a word or two."""
        return {}

    def on_parameters_changed(self, new: P, old: P) -> None:
        """Check a change before it holds. Raises ConfigError to reject it.

        Args:
            new: All parameters as they will be at the next configure; see also `until_configure`.
            old: The same before the change.
        """

    def _check_change(self, new: P, old: P) -> None:
        """Check a change, and be private from now on if it says so. Raises ConfigError to reject it."""
        wanted, was = bool(getattr(new, "privacy", False)), bool(getattr(old, "privacy", False))
        if was and not wanted and not getattr(old, "privacy_may_end", False):
            raise ConfigError(
                "parameter privacy cannot be switched off; start the node with privacy_may_end:=true to allow it"
            )
        self.on_parameters_changed(new, old)
        if wanted and not self._private:
            with self.gate:  # what is being published now is out before the answer is
                self._private = True
            self.get_logger().info("privacy is on: no face is shown from now on")

    # the state machine, as rclpy calls it

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt("configure", self._configure_here)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = True  # before the data flow: the first image counts too
        result = SUCCESS if self.loading else self._attempt("activate", self.activate)
        if result != SUCCESS:
            self._deactivate()
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._attempt("deactivate", self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._last_error = ""
        self._release(STOP_TIMEOUT_S)
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop(STOP_TIMEOUT_S)
        return SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.stop(STOP_TIMEOUT_S)
        return SUCCESS

    def stop(self, timeout_s: float) -> bool:
        """Leave any state for the end of the process. False if a thread is still busy after `timeout_s`."""
        if self.active:
            self._deactivate()
        return self._release(timeout_s)

    def destroy_node(self) -> None:
        self.stop(STOP_TIMEOUT_S)
        self._destroy()

    # Every callback passes `guarded`, whoever creates it: an output, a stage, tf2 or rclpy itself.

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """As rclpy's; what `callback` raises is reported and never ends the node."""
        return super().create_subscription(msg_type, topic, self.guarded(callback, topic), *args, **options)

    def create_timer(
        self, timer_period_sec: float, callback: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """As rclpy's; what `callback` raises is reported and never ends the node."""
        return super().create_timer(
            timer_period_sec, self.guarded(callback, _name_of(callback)), *args, **options
        )

    def create_service(
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """As rclpy's; what `callback` raises is reported, and the answer says that the call failed."""
        return super().create_service(srv_type, srv_name, self.guarded(callback, srv_name), *args, **options)

    def guarded(self, callback: Callable[..., Any], what: str) -> Callable[..., Any]:
        """`callback` for rclpy: what it raises becomes a log line and a diagnostic, never the end of the node.

        A service's callback, which gets a request and a response, then returns the response with `success` false and
        the reason as `message`, where the response has these.
        """
        if hasattr(callback, GUARDED):
            return callback

        def failed(arguments: tuple[Any, ...], error: BaseException) -> Any:
            self.report_failure(what, error)
            return _failed_answer(arguments[1], error) if len(arguments) == 2 else None

        @functools.wraps(callback)  # rclpy looks at the signature to know what to pass
        def call(*arguments: Any) -> Any:
            try:
                return callback(*arguments)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no callback may end the node
                return failed(arguments, error)

        @functools.wraps(callback)
        async def call_async(*arguments: Any) -> Any:
            try:
                return await callback(*arguments)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no callback may end the node
                return failed(arguments, error)

        chosen = call_async if inspect.iscoroutinefunction(callback) else call
        setattr(chosen, GUARDED, True)
        return chosen

    def report_failure(self, what: str, error: BaseException) -> None:
        """Report an unexpected error: in diagnostics, and in the log with its traceback, at most one every few seconds
        for each callback and kind of error."""
        if not self.context.ok():
            return  # the process was asked to end: nothing works any more, and nobody listens
        text = f"{what} failed: {type(error).__name__}: {error}"
        self._failure, self._failed_s = text, time.monotonic()
        self._failure_count += 1
        if self._failures.allows(f"{what}: {type(error).__name__}"):
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self.get_logger().error(f"{text}\n{trace}")

    # how it is done

    def _warn_about_unknown_parameters(self) -> None:
        """A misspelled parameter would otherwise be ignored in silence."""
        # parameters given on the command line reach every node of a process, so those of others are fine
        known = {field.name for schema in _subclasses(NodeParameters) for field in dataclasses.fields(schema)}
        for name, similar in unknown_overrides(rclpy_internals.overrides(self), known):
            hint = f"; did you mean {similar}?" if similar else ""
            self.get_logger().warning(f"parameter {name} is unknown and was ignored{hint}")

    def _destroy(self) -> None:
        super().destroy_node()
        rclpy_internals.release_state_machine(self)

    def _deactivate(self) -> None:
        with self.gate:  # waits for a result that is being published
            self.active = False
        self.deactivate()

    def _release(self, timeout_s: float) -> bool:
        idle = self._stop_loading(timeout_s)
        idle = self.cleanup(timeout_s) and idle
        self._parameters_of_node.release()
        return idle

    def _stop_loading(self, timeout_s: float) -> bool:
        if self._loading_timer is not None:
            self.destroy_timer(self._loading_timer)
            self._loading_timer = None
        loading, self._loading = self._loading, None
        return loading is None or loading.abandon(timeout_s)

    def _configure_here(self) -> None:
        """All of configure in this thread, for callers of `trigger_configure`."""
        self._configure()
        self.adopt(self.load())

    def _configure(self) -> None:
        self._parameters_of_node.hold()
        self._private = bool(getattr(self.params, "privacy", False))
        self.configure()

    async def _change_state(self, original: Callable[..., Any], request: Any, response: Any) -> Any:
        """`~/change_state`, answered without blocking the executor while weights are loaded."""
        wanted = request.transition.label or request.transition.id
        if wanted not in ("configure", Transition.TRANSITION_CONFIGURE):
            try:
                return original(request, response)
            except Exception as error:  # noqa: BLE001 - RCLError lives in a private module of rclpy
                # before Kilted rclpy raises for a transition that the present state does not have
                self.get_logger().error(f"no transition {wanted}: {error}")
                response.success = False
                return response
        answer: Future = Future(executor=self.executor)
        patience = self.create_timer(
            CONFIGURE_PATIENCE_S, lambda: self._go_on_loading(answer), clock=self.steady
        )
        self._start_configuring(lambda result: answer.done() or answer.set_result(result))
        response.success = await Resting(answer) == SUCCESS
        self.destroy_timer(patience)
        return response

    def _start_configuring(self, then: Callable[[TransitionCallbackReturn], Any]) -> None:
        """Configure, loading in the background; `then(result)` is called on this thread when that is done."""
        if not rclpy_internals.begin_transition(self, Transition.TRANSITION_CONFIGURE):
            state = rclpy_internals.state_label(self)
            self.get_logger().error(f"cannot configure: the node is {state}")
            then(TransitionCallbackReturn.FAILURE)
            return
        result = self._attempt("configure", self._configure)
        if result != SUCCESS:
            rclpy_internals.end_transition(self, result)
            then(result)
            return
        self._loading = Loading(self.load, self.discard)
        self._when_loaded = then
        self._loading_timer = self.create_timer(LOADING_PERIOD_S, self._look_after_loading, clock=self.steady)

    def _look_after_loading(self) -> None:
        loading = self._loading
        if loading is None or not loading.finished:
            return
        self._stop_loading_timer()
        result = self._attempt("configure", lambda: self.adopt(loading.take()))
        self._loading = None
        if rclpy_internals.state_label(self) == "configuring":
            rclpy_internals.end_transition(self, result)
            then, self._when_loaded = self._when_loaded, None
            if then is not None:
                then(result)
        elif result != SUCCESS or (self.active and self._attempt("activate", self.activate) != SUCCESS):
            self._return_to_unconfigured()

    def _stop_loading_timer(self) -> None:
        self.destroy_timer(self._loading_timer)
        self._loading_timer = None

    def _go_on_loading(self, answer: Future) -> None:
        """Answer now that the node is configured, though it still loads."""
        if answer.done() or self._loading is None:
            return
        self.get_logger().info("still loading; the node works as soon as that is done")
        self._when_loaded = None
        rclpy_internals.end_transition(self, SUCCESS)
        answer.set_result(SUCCESS)

    def _return_to_unconfigured(self) -> None:
        error = self._last_error
        if self.active:
            self.trigger_deactivate()
        self.trigger_cleanup()
        self._last_error = error

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
        return SUCCESS

    def _explain(self, verb: str, error: Exception) -> TransitionCallbackReturn:
        if isinstance(error, PerceptionError):
            self._last_error = f"cannot {verb}: {error}"
            again = ""
            if verb == "configure":
                command = f"ros2 lifecycle set {self.get_fully_qualified_name()}"
                again = f"; then try again: {command} configure && {command} activate"
                self._release(STOP_TIMEOUT_S)
            self.get_logger().error(f"{self._last_error}{again}")
            return TransitionCallbackReturn.FAILURE
        self._last_error = as_utf8(f"cannot {verb}: {type(error).__name__}: {error}")
        self.get_logger().error(f"{self._last_error}\n{as_utf8(traceback.format_exc())}")
        return TransitionCallbackReturn.ERROR

    def _autostart(self) -> None:
        self._autostart_timer.cancel()

        def activate(result: TransitionCallbackReturn) -> None:
            if result == SUCCESS and self.context.ok():
                self.trigger_activate()

        self._start_configuring(activate)

    def _once_a_second(self) -> None:
        try:
            self.once_a_second()
        except Exception as error:  # noqa: BLE001 - diagnostics go on, and say so
            self.report_failure("once_a_second", error)
        try:
            health, parts = self.health(), self.health_of_parts()
        except Exception as error:  # noqa: BLE001 - as above
            self.report_failure("health", error)
            health, parts = Health(), {}
        state = rclpy_internals.state_label(self)
        problem = health.problem
        if self.loading:
            problem = problem or "loading"
        elif state in ("unconfigured", "finalized"):
            problem = problem or state
        told = self._last_error or health.error
        if time.monotonic() - self._failed_s < FAILURE_SHOWN_S:
            told = told or self._failure
        values = {"state": state, **health.values}
        if self._failure_count:
            values["failed_callbacks"] = str(self._failure_count)
        name = self.get_fully_qualified_name().lstrip("/")
        whole = Health(health.hardware_id, problem, values, told)
        statuses = [
            diagnostics.status(f"{name}: {what}", each)
            for what, each in {self.health_of: whole, **parts}.items()
        ]
        self._diagnostics.publish(diagnostics.array(self.get_clock().now().to_msg(), statuses))


def _name_of(callback: Callable[..., Any]) -> str:
    return str(getattr(callback, "__name__", type(callback).__name__)).strip("_<>")


def _failed_answer(response: Any, error: BaseException) -> Any:
    """The response of a service whose callback raised `error`."""
    if hasattr(response, "success"):
        response.success = False
    if hasattr(response, "message"):
        response.message = f"{type(error).__name__}: {error}"
    return response


def _subclasses(kind: type[Any]) -> list[type[Any]]:
    """A class and everything derived from it."""
    return [kind, *(each for child in kind.__subclasses__() for each in _subclasses(child))]
