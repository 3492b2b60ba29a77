package launch

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// result is the engine's local_result_v2, up to the error message.
type result struct {
	_       unsafe.Pointer // the answer's bytes: the holding query has none
	_       uint64         // their length
	_       unsafe.Pointer // the vector that holds them
	_       float64        // seconds elapsed
	_       uint64         // rows read
	_       uint64         // bytes read
	message *byte
}

// pin keeps the calling goroutine on its thread.
func pin() { runtime.LockOSThread() }

// hold loads the library and runs one command line in it, on the calling
// thread, which must be pinned, until the engine ends. The text is what the engine said when it ended
// by itself; it may hold content and is only ever classified, never shown.
func hold(library string, args []string) (text string, err error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return "", fmt.Errorf("load the engine's library: %w", err)
	}
	var signals func(enabled int32)
	var query func(argc int32, argv **byte) *result
	for name, fn := range map[string]any{"chdb_set_signal_handlers_enabled": &signals, "query_stable_v2": &query} {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return "", fmt.Errorf("the library has no %s: %w", name, err)
		}
		purego.RegisterFunc(fn, symbol)
	}
	signals(0) // Go keeps the signals of this process
	var pins runtime.Pinner
	defer pins.Unpin()
	argv := make([]*byte, len(args)+1)
	for i, arg := range args {
		text := append([]byte(arg), 0)
		argv[i] = &text[0]
		pins.Pin(argv[i])
	}
	pins.Pin(&argv[0])
	answer := query(int32(len(args)), &argv[0])
	if answer == nil {
		return "", errors.New("the engine gave no answer")
	}
	return goString(answer.message), nil
}

// goString copies a C string of at most 64 KiB.
func goString(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for n < 64<<10 && *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 { //nolint:gosec // a C string of the library, which ends in a zero
		n++
	}
	return string(unsafe.Slice(p, n)) //nolint:gosec // the n bytes just walked over
}
