package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// openText opens a text file. One in UTF-16 is converted to UTF-8 into a
// temporary file, so that places in it are places in what is read.
func openText(path string) (*os.File, int64, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, 0, err
	}
	head := make([]byte, 2)
	if n, err := f.ReadAt(head, 0); n < len(head) && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	if !bytes.Equal(head, []byte("\xff\xfe")) && !bytes.Equal(head, []byte("\xfe\xff")) {
		return f, info.Size(), nil
	}
	defer f.Close()
	return fromUTF16(f)
}

func fromUTF16(f *os.File) (*os.File, int64, error) {
	converted, err := tempFile("")
	if err != nil {
		return nil, 0, err
	}
	decoder := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
	n, err := io.Copy(converted, transform.NewReader(f, decoder))
	if err != nil {
		converted.Close()
		return nil, 0, fmt.Errorf("convert %s to UTF-8: %w", f.Name(), err)
	}
	return converted, n, nil
}

// tempFile makes a temporary file without a name, where the system can do
// that: then a kill leaves nothing behind either.
func tempFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "sensocto-export-*")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", err)
	}
	_ = os.Remove(f.Name()) // where that fails, whoever closes the file removes it
	return f, nil
}
