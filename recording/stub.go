package recording

import "errors"

func openCSV(path string, o Options) (*Recording, error) { return nil, errors.ErrUnsupported }
