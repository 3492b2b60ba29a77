// Package signal reads what a request says about consent: browser signals, our
// own cookie and consent object, and the objects of consent tools.
//
// Every parser reads one signal and only adds to consent.Signals. A signal that
// is there but cannot be read makes its statement Broken; none ever turns into a
// grant. Absent signals cost no allocation.
package signal
