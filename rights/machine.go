package rights

import (
	"fmt"

	"zgoda/control"
)

type step struct {
	from control.RequestState
	act  string
}

// transitions is the whole machine: what is not here is refused. Acts that leave
// the state as it is stand here too.
var transitions = map[step]control.RequestState{
	{control.RequestUnverified, "prove"}:  control.RequestPending,
	{control.RequestUnverified, "cancel"}: control.RequestCancelled,
	{control.RequestUnverified, "deny"}:   control.RequestDenied,
	{control.RequestInput, "supply"}:      control.RequestPending,
	{control.RequestInput, "cancel"}:      control.RequestCancelled,
	{control.RequestInput, "deny"}:        control.RequestDenied,
	{control.RequestPending, "approve"}:   control.RequestApproved,
	{control.RequestPending, "deny"}:      control.RequestDenied,
	{control.RequestPending, "cancel"}:    control.RequestCancelled,
	{control.RequestPending, "doubt"}:     control.RequestUnverified,
	{control.RequestApproved, "begin"}:    control.RequestRunning,
	{control.RequestApproved, "cancel"}:   control.RequestCancelled,
	{control.RequestApproved, "undo"}:     control.RequestCancelled,
	{control.RequestRunning, "done"}:      control.RequestComplete,
	{control.RequestRunning, "fail"}:      control.RequestFailed,
	{control.RequestRunning, "pause"}:     control.RequestPaused,
	{control.RequestPaused, "resume"}:     control.RequestRunning,
	{control.RequestPaused, "cancel"}:     control.RequestCancelled,
	{control.RequestFailed, "retry"}:      control.RequestRunning,
	{control.RequestFailed, "cancel"}:     control.RequestCancelled,
}

// staying are acts that leave the state of an open request as it is.
var staying = map[string]bool{"extend": true, "sign_off": true}

// Next returns the state that an act leads to; ErrTransition: to none.
func Next(from control.RequestState, act string) (control.RequestState, error) {
	if to, ok := transitions[step{from, act}]; ok {
		return to, nil
	}
	if staying[act] && from != "" && from.Open() {
		return from, nil
	}
	return "", fmt.Errorf("%w: %s, while it is %s", ErrTransition, act, from)
}
