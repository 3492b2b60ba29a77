package pkcs11

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"zgoda/pseudonym/kek"
)

// ulong is CK_ULONG: C's unsigned long, which on Linux is as wide as a pointer.
type ulong = uint

// function is a place in CK_FUNCTION_LIST of version 2.40.
type function int

const (
	fnInitialize        function = 0
	fnGetSlotList       function = 4
	fnGetTokenInfo      function = 6
	fnOpenSession       function = 12
	fnCloseSession      function = 13
	fnLogin             function = 18
	fnDestroyObject     function = 22
	fnGetAttributeValue function = 24
	fnFindObjectsInit   function = 26
	fnFindObjects       function = 27
	fnFindObjectsFinal  function = 28
	fnEncryptInit       function = 29
	fnEncrypt           function = 30
	fnDecryptInit       function = 33
	fnDecrypt           function = 34
	fnGenerateKey       function = 58

	functions = 68
)

// functionList is CK_FUNCTION_LIST.
type functionList struct {
	_  [2]byte // version
	fn [functions]uintptr
}

// initArguments is CK_C_INITIALIZE_ARGS.
type initArguments struct {
	create, destroy, lock, unlock uintptr
	flags                         ulong
	reserved                      uintptr
}

const flagOSLocking = 2 // CKF_OS_LOCKING_OK

// tokenInfo is CK_TOKEN_INFO.
type tokenInfo struct {
	label, manufacturer [32]byte
	model, serial       [16]byte
	flags               ulong
	_                   [10]ulong // limits of sessions, PINs and memory
	_                   [2][2]byte
	_                   [16]byte
}

const flagFinalTry = 0x20000 // CKF_USER_PIN_FINAL_TRY

// attribute is CK_ATTRIBUTE.
type attribute struct {
	kind  ulong
	value unsafe.Pointer
	size  ulong
}

// mechanism is CK_MECHANISM.
type mechanism struct {
	kind      ulong
	parameter unsafe.Pointer
	size      ulong
}

// gcmParameters is CK_GCM_PARAMS.
type gcmParameters struct {
	iv     unsafe.Pointer
	ivSize ulong
	ivBits ulong
	aad    unsafe.Pointer
	size   ulong
	tag    ulong // bits
}

// code is CK_RV.
type code uintptr

// The codes that are told apart.
const (
	codeOK             code = 0x0
	codeGeneral        code = 0x5
	codeFailed         code = 0x6
	codeArguments      code = 0x7
	codeDataInvalid    code = 0x20
	codeDataRange      code = 0x21
	codeEncrypted      code = 0x40
	codeEncryptedRange code = 0x41
	codeHandle         code = 0x60
	codePINWrong       code = 0xa0
	codePINInvalid     code = 0xa1
	codePINRange       code = 0xa2
	codePINExpired     code = 0xa3
	codePINLocked      code = 0xa4
	codeReadOnly       code = 0xb5
	codeWriteProtected code = 0xe2
	codeLoggedIn       code = 0x100
	codeNotLoggedIn    code = 0x101
	codeInitialised    code = 0x191
)

// Error says which function of the library failed, and how.
type Error struct {
	Function string
	Code     uint
	kind     error
}

// Error names the function and the code, as the standard numbers them.
func (e *Error) Error() string {
	return fmt.Sprintf("%v (%s returned 0x%x)", e.kind, e.Function, e.Code)
}

// Unwrap returns the kind of failure.
func (e *Error) Unwrap() error { return e.kind }

func (c code) failed(what string, opening bool) error {
	if c == codeOK {
		return nil
	}
	kind := kek.ErrAway
	switch c { //nolint:exhaustive // the others mean that it is away
	case codePINWrong, codePINInvalid, codePINRange, codePINExpired, codePINLocked, codeNotLoggedIn, codeReadOnly, codeWriteProtected:
		kind = kek.ErrRefused
	case codeHandle:
		kind = kek.ErrMissing
	case codeGeneral, codeFailed, codeArguments, codeDataInvalid, codeDataRange, codeEncrypted, codeEncryptedRange:
		if opening { // libraries differ in what they say of a wrong tag
			kind = kek.ErrWrong
		}
	}
	return &Error{Function: what, Code: uint(c), kind: kind}
}

// library is a loaded PKCS#11 library.
type library struct{ list *functionList }

// errLibrary is returned for a library that others may write.
var errLibrary = errors.New("the library can be changed by other users")

// load loads a library and initialises it. A library is loaded once in a
// process and stays.
func load(path string) (*library, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look for the library: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&fs.FileMode(0o022) != 0 {
		return nil, fmt.Errorf("%s: %w", path, errLibrary)
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load the library: %w", err)
	}
	symbol, err := purego.Dlsym(handle, "C_GetFunctionList")
	if err != nil {
		return nil, fmt.Errorf("%s is no PKCS#11 library: %w", path, err)
	}
	l := new(library)
	if r, _, _ := purego.SyscallN(symbol, uintptr(unsafe.Pointer(&l.list))); code(r) != codeOK || l.list == nil {
		return nil, code(r|1).failed("C_GetFunctionList", false)
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	arguments := &initArguments{flags: flagOSLocking}
	pins.Pin(arguments)
	if c := l.call(fnInitialize, uintptr(unsafe.Pointer(arguments))); c != codeOK && c != codeInitialised {
		return nil, c.failed("C_Initialize", false)
	}
	return l, nil
}

// call calls a function. What the arguments point to must be pinned, or be made
// in the call's own line.
//
//go:uintptrescapes
func (l *library) call(f function, arguments ...uintptr) code {
	r, _, _ := purego.SyscallN(l.list.fn[f], arguments...)
	return code(r)
}
