package journal

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	namePrefix = "journal-"
	nameSuffix = ".seg"
)

func segmentName(number uint64) string {
	return fmt.Sprintf(namePrefix+"%016x"+nameSuffix, number)
}

// segmentNumber is the reverse of segmentName; ok is false for other files.
func segmentNumber(name string) (number uint64, ok bool) {
	hex, ok := strings.CutPrefix(name, namePrefix)
	if !ok {
		return 0, false
	}
	hex, ok = strings.CutSuffix(hex, nameSuffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	number, err := strconv.ParseUint(hex, 16, 64)
	return number, err == nil && segmentName(number) == name && number > 0
}

// Names beside those of segments.
const (
	spareName     = "journal-spare.tmp" // the empty file of the next segment
	repairSuffix  = ".repair"           // what a repair is writing
	damagedSuffix = ".damaged"          // what a repair put something in the place of
)
