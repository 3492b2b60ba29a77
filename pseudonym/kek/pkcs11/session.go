package pkcs11

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"zgoda/pseudonym/kek"
)

const (
	flagsReadOnly  = 4     // CKF_SERIAL_SESSION
	flagsReadWrite = 4 | 2 // and CKF_RW_SESSION
	asUser         = 1     // CKU_USER

	classSecretKey = 4    // CKO_SECRET_KEY
	keyAES         = 0x1f // CKK_AES

	attrClass       = 0x0
	attrToken       = 0x1
	attrPrivate     = 0x2
	attrLabel       = 0x3
	attrKeyType     = 0x100
	attrID          = 0x102
	attrSensitive   = 0x103
	attrEncrypt     = 0x104
	attrDecrypt     = 0x105
	attrSize        = 0x161
	attrExtractable = 0x162

	mechGenerate = 0x1080 // CKM_AES_KEY_GEN
	mechGCM      = 0x1087 // CKM_AES_GCM

	ivSize  = 12
	tagSize = 16
	keySize = 32

	maxObjects = 128
	maxSlots   = 256
)

// Errors of a token.
var (
	ErrExtractable = errors.New("the key can be taken out of the token; make one with CKA_SENSITIVE and without CKA_EXTRACTABLE")
	ErrLastTry     = errors.New("the token would take one more wrong PIN before it locks itself: log in by other means first")
	errNoToken     = fmt.Errorf("%w: no token has the label", kek.ErrAway)
)

// session is a session with a token, logged in. It belongs to one goroutine.
type session struct {
	library *library
	handle  ulong
	pins    runtime.Pinner // of what the library is told the address of
}

// slotOf finds the slot with the token of a label.
func (l *library) slotOf(label string) (ulong, error) {
	slots := make([]ulong, maxSlots)
	n := ulong(len(slots))
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&slots[0])
	pins.Pin(&n)
	if err := l.call(fnGetSlotList, 1, uintptr(unsafe.Pointer(&slots[0])), uintptr(unsafe.Pointer(&n))).failed("C_GetSlotList", false); err != nil {
		return 0, err
	}
	for _, slot := range slots[:min(int(n), len(slots))] {
		info := new(tokenInfo)
		pins.Pin(info)
		if l.call(fnGetTokenInfo, uintptr(slot), uintptr(unsafe.Pointer(info))) != codeOK {
			continue // a token without a label of its own, or one that was just taken out
		}
		if string(bytes.TrimRight(info.label[:], " ")) != label {
			continue
		}
		if info.flags&flagFinalTry != 0 {
			return 0, errors.Join(kek.ErrRefused, ErrLastTry)
		}
		return slot, nil
	}
	return 0, errNoToken
}

// open opens a session and logs in. Each act has its own: there is one at each
// start and a few in a night, and a token that was away is found again.
func (l *library) open(label string, pin []byte, write bool) (*session, error) {
	slot, err := l.slotOf(label)
	if err != nil {
		return nil, err
	}
	s := &session{library: l}
	flags := uintptr(flagsReadOnly)
	if write {
		flags = flagsReadWrite
	}
	s.pins.Pin(&s.handle)
	if err := l.call(fnOpenSession, uintptr(slot), flags, 0, 0, uintptr(unsafe.Pointer(&s.handle))).failed("C_OpenSession", false); err != nil {
		s.pins.Unpin()
		return nil, err
	}
	s.pins.Pin(&pin[0])
	c := l.call(fnLogin, uintptr(s.handle), asUser, uintptr(unsafe.Pointer(&pin[0])), uintptr(len(pin)))
	if c != codeOK && c != codeLoggedIn {
		s.close()
		return nil, c.failed("C_Login", false)
	}
	return s, nil
}

func (s *session) close() {
	_ = s.library.call(fnCloseSession, uintptr(s.handle))
	s.pins.Unpin()
}

// point pins bytes and returns where they are.
func (s *session) point(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return nil
	}
	s.pins.Pin(&b[0])
	return unsafe.Pointer(&b[0])
}

func (s *session) bytes(kind ulong, value []byte) attribute {
	return attribute{kind: kind, value: s.point(value), size: ulong(len(value))}
}

func (s *session) number(kind, value ulong) attribute {
	v := &value
	s.pins.Pin(v)
	return attribute{kind: kind, value: unsafe.Pointer(v), size: ulong(unsafe.Sizeof(*v))}
}

func (s *session) flag(kind ulong, value bool) attribute {
	v := []byte{0}
	if value {
		v[0] = 1
	}
	return s.bytes(kind, v)
}

// template pins attributes and returns where they are.
func (s *session) template(attributes []attribute) uintptr {
	s.pins.Pin(&attributes[0])
	return uintptr(unsafe.Pointer(&attributes[0]))
}

// object is a key on the token.
type object struct {
	handle ulong
	id     []byte
}

// find returns the AES keys of a label, those of one id if it is given.
func (s *session) find(label string, id []byte) ([]object, error) {
	template := []attribute{
		s.number(attrClass, classSecretKey), s.number(attrKeyType, keyAES),
		s.flag(attrToken, true), s.bytes(attrLabel, []byte(label)),
	}
	if id != nil {
		template = append(template, s.bytes(attrID, id))
	}
	if err := s.library.call(fnFindObjectsInit, uintptr(s.handle), s.template(template), uintptr(len(template))).failed("C_FindObjectsInit", false); err != nil {
		return nil, err
	}
	handles, n := make([]ulong, maxObjects), new(ulong)
	s.pins.Pin(&handles[0])
	s.pins.Pin(n)
	err := s.library.call(fnFindObjects, uintptr(s.handle), uintptr(unsafe.Pointer(&handles[0])), maxObjects, uintptr(unsafe.Pointer(n))).failed("C_FindObjects", false)
	_ = s.library.call(fnFindObjectsFinal, uintptr(s.handle))
	if err != nil {
		return nil, err
	}
	found := make([]object, 0, *n)
	for _, handle := range handles[:min(*n, maxObjects)] {
		id, err := s.read(handle, attrID, 64)
		if err != nil {
			return nil, err
		}
		found = append(found, object{handle: handle, id: id})
	}
	return found, nil
}

// read reads one attribute of up to size bytes.
func (s *session) read(handle, kind ulong, size int) ([]byte, error) {
	value := make([]byte, size)
	template := []attribute{s.bytes(kind, value)}
	err := s.library.call(fnGetAttributeValue, uintptr(s.handle), uintptr(handle), s.template(template), 1).failed("C_GetAttributeValue", false)
	if err != nil {
		return nil, err
	}
	return value[:min(int(template[0].size), size)], nil
}

// stays refuses a key that the token would give out.
func (s *session) stays(o object) error {
	extractable, err := s.read(o.handle, attrExtractable, 1)
	if err != nil {
		return err
	}
	sensitive, err := s.read(o.handle, attrSensitive, 1)
	if err != nil {
		return err
	}
	if len(extractable) != 1 || len(sensitive) != 1 || extractable[0] != 0 || sensitive[0] == 0 {
		return errors.Join(kek.ErrRefused, ErrExtractable)
	}
	return nil
}

// generate makes an AES key on the token, for nothing but sealing and opening.
func (s *session) generate(label string, id []byte) error {
	template := []attribute{
		s.number(attrClass, classSecretKey), s.number(attrKeyType, keyAES), s.number(attrSize, keySize),
		s.bytes(attrLabel, []byte(label)), s.bytes(attrID, id),
		s.flag(attrToken, true), s.flag(attrPrivate, true), s.flag(attrSensitive, true), s.flag(attrExtractable, false),
		s.flag(attrEncrypt, true), s.flag(attrDecrypt, true),
	}
	how, made := &mechanism{kind: mechGenerate}, new(ulong)
	s.pins.Pin(how)
	s.pins.Pin(made)
	return s.library.call(fnGenerateKey, uintptr(s.handle), uintptr(unsafe.Pointer(how)), s.template(template), uintptr(len(template)),
		uintptr(unsafe.Pointer(made))).failed("C_GenerateKey", false)
}

func (s *session) destroy(o object) error {
	return s.library.call(fnDestroyObject, uintptr(s.handle), uintptr(o.handle)).failed("C_DestroyObject", false)
}

// gcm describes AES-GCM with a nonce and what is bound.
func (s *session) gcm(iv, bind []byte) uintptr {
	parameters := &gcmParameters{
		iv: s.point(iv), ivSize: ivSize, ivBits: 8 * ivSize,
		aad: s.point(bind), size: ulong(len(bind)), tag: 8 * tagSize,
	}
	s.pins.Pin(parameters)
	how := &mechanism{kind: mechGCM, parameter: unsafe.Pointer(parameters), size: ulong(unsafe.Sizeof(*parameters))}
	s.pins.Pin(how)
	return uintptr(unsafe.Pointer(how))
}

// seal encrypts; what it returns is 16 bytes longer.
func (s *session) seal(o object, iv, plain, bind []byte) ([]byte, error) {
	if err := s.library.call(fnEncryptInit, uintptr(s.handle), s.gcm(iv, bind), uintptr(o.handle)).failed("C_EncryptInit", false); err != nil {
		return nil, err
	}
	return s.run(fnEncrypt, "C_Encrypt", plain, false)
}

// open decrypts.
func (s *session) open(o object, iv, sealed, bind []byte) ([]byte, error) {
	if err := s.library.call(fnDecryptInit, uintptr(s.handle), s.gcm(iv, bind), uintptr(o.handle)).failed("C_DecryptInit", true); err != nil {
		return nil, err
	}
	return s.run(fnDecrypt, "C_Decrypt", sealed, true)
}

func (s *session) run(f function, name string, in []byte, opening bool) ([]byte, error) {
	out, n := make([]byte, len(in)+2*tagSize), new(ulong)
	*n = ulong(len(out))
	s.pins.Pin(n)
	c := s.library.call(f, uintptr(s.handle), uintptr(s.point(in)), uintptr(len(in)), uintptr(s.point(out)), uintptr(unsafe.Pointer(n)))
	if err := c.failed(name, opening); err != nil {
		return nil, err
	}
	return out[:min(int(*n), len(out))], nil
}
