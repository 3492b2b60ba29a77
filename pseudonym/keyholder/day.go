package keyholder

import (
	"context"

	"zgoda/pseudonym/daily"
	"zgoda/pseudonym/keyholderpb"
)

// days hands out the key of the day.
type days struct {
	keyholderpb.UnimplementedDailyServer

	maker *daily.Maker
}

// Day hands out the key of the present day. The copy in the answer is gone when
// the answer is: gRPC tells nobody when that is, so it is not overwritten.
func (d *days) Day(context.Context, *keyholderpb.DayRequest) (*keyholderpb.DayAnswer, error) {
	key := d.maker.Key()
	return &keyholderpb.DayAnswer{Day: uint32(key.Day), Key: key.Bytes.Reveal()}, nil
}
