package pkcs11

import (
	"bytes"
	"testing"
	"unsafe"
)

// The sizes are those of C's structures on 64-bit Linux.
func TestLayout(t *testing.T) {
	for name, sizes := range map[string][2]uintptr{
		"CK_FUNCTION_LIST":     {unsafe.Sizeof(functionList{}), 8 + 68*8},
		"CK_C_INITIALIZE_ARGS": {unsafe.Sizeof(initArguments{}), 48},
		"CK_TOKEN_INFO":        {unsafe.Sizeof(tokenInfo{}), 208},
		"CK_ATTRIBUTE":         {unsafe.Sizeof(attribute{}), 24},
		"CK_MECHANISM":         {unsafe.Sizeof(mechanism{}), 24},
		"CK_GCM_PARAMS":        {unsafe.Sizeof(gcmParameters{}), 48},
	} {
		if sizes[0] != sizes[1] {
			t.Errorf("%s has %d bytes, not %d", name, sizes[0], sizes[1])
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(append([]byte{1, 1, 9}, make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, wrapped []byte) {
		id, iv, sealed, err := parse(wrapped)
		if err != nil {
			return
		}
		again := append([]byte{wrappedForm, byte(len(id))}, id...)
		if again = append(append(again, iv...), sealed...); !bytes.Equal(again, wrapped) {
			t.Errorf("%x became %x", wrapped, again)
		}
	})
}
