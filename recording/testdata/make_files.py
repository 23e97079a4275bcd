"""Writes recordings with other people's software, and what they read in them.

usage: make_files.py DIRECTORY [DIRECTORY WITH REAL RECORDINGS]

For each recording the list expected.json in the directory tells its path, its
signals with name, unit, rate and the file of their physical values (float64,
little endian, NaN for what is invalid), and its annotations.
"""

import datetime
import json
import os
import shutil
import sys

import numpy as np
import pyedflib
import scipy.io
import wfdb

BITS = {"16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 10, "311": 10}

out = sys.argv[1]
real = sys.argv[2] if len(sys.argv) > 2 else None
expected = []
random = np.random.default_rng(20240501)


def digital(fmt, count, invalid=True):
    """Random numbers of a format, its extremes, and a few invalid samples."""
    low, high = -(2 ** (BITS[fmt] - 1)), 2 ** (BITS[fmt] - 1) - 1
    v = random.integers(low + 1, high + 1, count)
    v[:4] = [high, low + 1, 0, -1]
    if invalid:
        v[[7, 8, count - 1]] = low
    return v


def save(name, i, values):
    path = f"{name}.{i}.f64"
    np.asarray(values, dtype="<f8").tofile(os.path.join(out, path))
    return path


def expect(name, path, signals, annotations=(), start=None, exact=True):
    expected.append({
        "name": name, "path": path, "exact": exact, "start": start, "annotations": list(annotations),
        "signals": [
            {"name": n, "unit": u, "rate": r, "values": save(name.replace(" ", "_"), i, v)}
            for i, (n, u, r, v) in enumerate(signals)
        ],
    })


def expect_wfdb(record, directory=out, name=None, annotator=None):
    """Expects what wfdb reads in a record."""
    path = os.path.join(directory, record)
    r = wfdb.rdrecord(path, smooth_frames=False, return_res=64)
    notes = []
    if annotator:
        a = wfdb.rdann(path, annotator)
        notes = [
            {"offset": round(s * 1e6 / (a.fs or r.fs)), "type": y, "text": (x or "").rstrip("\x00")}
            for s, y, x in zip(a.sample.tolist(), a.symbol, a.aux_note)
        ]
    start = r.base_datetime.isoformat() if r.base_datetime else None
    signals = [
        (r.sig_name[i], r.units[i], r.fs * r.samps_per_frame[i], r.e_p_signal[i]) for i in range(r.n_sig)
    ]
    expect(name or record, path + ".hea", signals, notes, start)


def write_header(record, lines):
    with open(os.path.join(out, record + ".hea"), "w") as f:
        f.write("\n".join(lines) + "\n")


def written_by_wfdb():
    for fmt in ["16", "24", "32", "80", "212"]:
        for n_sig, count in [(1, 101), (2, 1000), (3, 77)]:
            d = np.stack([digital(fmt, count) for _ in range(n_sig)], axis=1)
            record = f"w{fmt}_{n_sig}"
            wfdb.wrsamp(
                record, fs=360, units=["mV", "mmHg", "uV"][:n_sig], sig_name=["II", "ABP", "EEG Fpz-Cz"][:n_sig],
                d_signal=d, fmt=[fmt] * n_sig, adc_gain=[200.0, 12.84, 3.7][:n_sig], baseline=[0, -16, 7][:n_sig],
                base_date=datetime.date(2024, 5, 1), base_time=datetime.time(12, 34, 56, 789000),
                comments=["a comment"], write_dir=out)
            if n_sig == 1:
                wfdb.wrann(record, "atr", np.array([5, 5000, 70000]), ["N", "V", "+"],
                           aux_note=["", "", "(AFIB"], fs=360, write_dir=out)
            expect_wfdb(record, annotator="atr" if n_sig == 1 else None)
    frames = 250
    signals = [digital("212", frames * 4), digital("212", frames), digital("212", frames * 2)]
    record = wfdb.Record(
        record_name="frames", n_sig=3, fs=125, sig_len=frames, samps_per_frame=[4, 1, 2], e_d_signal=signals,
        file_name=["frames.dat"] * 3, fmt=["212"] * 3, byte_offset=[None] * 3, adc_gain=[200, 100, 50.5],
        baseline=[0, 1, 2], units=["mV", "mmHg", "l"], sig_name=["ECG", "ABP", "RESP"], skew=[None] * 3,
        adc_res=[12] * 3, adc_zero=[0] * 3, init_value=[int(s[0]) for s in signals], block_size=[0] * 3)
    record.checksum = record.calc_checksum(expanded=True)
    record.wrsamp(expanded=True, write_dir=out)
    expect_wfdb("frames")


def pack(fmt, v):
    """Packs what wfdb can only read."""
    if fmt == "61":
        return v.astype(">i2").tobytes()
    if fmt == "160":
        return (v + 32768).astype("<u2").tobytes()
    u = np.append(v, np.zeros(-len(v) % 3, dtype=v.dtype)) & 0x3FF
    a, b, c = u[0::3], u[1::3], u[2::3]
    if fmt == "310":
        words = np.stack([a << 1 | (c & 31) << 11, b << 1 | (c >> 5) << 11], axis=1)
        return words.astype("<u2").tobytes()
    return (a | b << 10 | c << 20).astype("<u4").tobytes()


def packed_by_hand():
    for fmt in ["61", "160", "310", "311"]:
        for n_sig, count in [(1, 100), (2, 301), (3, 99)]:
            v = digital(fmt, count * n_sig)
            record = f"p{fmt}_{n_sig}"
            with open(os.path.join(out, record + ".dat"), "wb") as f:
                f.write(pack(fmt, v))
            write_header(record, [f"{record} {n_sig} 250 {count}"] + [
                f"{record}.dat {fmt} 20({i - 1})/mV {BITS[fmt]} 0 0 0 0 signal {i}" for i in range(n_sig)])
            expect_wfdb(record)


def skewed():
    # wfdb can read only one skew beside 0 in a file.
    v = digital("16", 300, invalid=False).astype("<i2")
    v.tofile(os.path.join(out, "skew.dat"))
    write_header("skew", ["skew 3 100 100", "skew.dat 16 100/mV 16 0 0 0 0 A",
                          "skew.dat 16:3 100/mV 16 0 0 0 0 B", "skew.dat 16:3 100/mV 16 0 0 0 0 C"])
    expect_wfdb("skew")


def matlab():
    v = digital("16", 12 * 500).reshape(500, 12).astype("int16")
    path = os.path.join(out, "A0001.mat")
    scipy.io.savemat(path, {"val": v.T}, format="4")
    leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
    write_header("A0001", ["A0001 12 500 500"] + [
        f"A0001.mat 16+24 1000/mV 16 0 {v[0, i]} 0 0 {lead}" for i, lead in enumerate(leads)] + ["#Age: 74"])
    expect_wfdb("A0001")


def several_files():
    digital("16", 100).astype("<i2").tofile(os.path.join(out, "multi_a.dat"))
    with open(os.path.join(out, "multi_b.dat"), "wb") as f:
        f.write(pack("61", digital("61", 200)))
    write_header("multi", ["multi 3 62.5 100", "multi_a.dat 16 0 16 5", "multi_b.dat 61 33.3/kPa 16 -12 0 0 0 P1",
                           "multi_b.dat 61 1e2(3)/kPa 16 -12 0 0 0 P2"])
    r = wfdb.rdrecord(os.path.join(out, "multi"), smooth_frames=False, return_res=64)
    expect("multi", os.path.join(out, "multi.hea"), [
        (("" if i == 0 else r.sig_name[i]), r.units[i], 62.5, r.e_p_signal[i]) for i in range(3)])


def expect_edf(name, path, start, annotations=(), signals=None):
    """Expects what pyedflib reads in a file."""
    with pyedflib.EdfReader(path) as f:
        signals = [
            (f.getLabel(i), f.getPhysicalDimension(i), f.samples_in_datarecord(i) / f.datarecord_duration, f.readSignal(i))
            for i in range(f.signals_in_file)
        ]
        onsets, durations, texts = f.readAnnotations()
    notes = [
        {"offset": round(o * 1e6), "duration": max(round(d * 1e6), 0), "text": str(t), "type": ""}
        for o, d, t in zip(onsets.tolist(), np.asarray(durations, dtype=float).tolist(), texts)
    ]
    expect(name, path, signals, notes, start, exact=False)


def edf():
    kinds = {"edf": pyedflib.FILETYPE_EDF, "edfplus": pyedflib.FILETYPE_EDFPLUS,
             "bdf": pyedflib.FILETYPE_BDF, "bdfplus": pyedflib.FILETYPE_BDFPLUS}
    for name, kind in kinds.items():
        bits = 24 if "bdf" in name else 16
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        rates = [256, 100, 1]
        path = os.path.join(out, name + (".bdf" if bits == 24 else ".edf"))
        w = pyedflib.EdfWriter(path, len(rates), file_type=kind)
        ranges = [(-3276.8, 3276.7), (-200, 150.5), (34, 40.2)]
        w.setSignalHeaders([
            {"label": label, "dimension": unit, "sample_frequency": rate, "physical_min": p[0], "physical_max": p[1],
             "digital_min": low, "digital_max": high, "transducer": "", "prefilter": ""}
            for label, unit, rate, p in zip(["EEG Fpz-Cz", "Resp", "Temp"], ["uV", "l/min", "degC"], rates, ranges)])
        w.setStartdatetime(datetime.datetime(2021, 3, 4, 5, 6, 7))
        seconds = 37
        w.writeSamples([random.integers(low, high + 1, rate * seconds).astype(np.int32) for rate in rates], digital=True)
        if "plus" in name:
            w.writeAnnotation(0.5, 2.25, "Sleep stage W")
            w.writeAnnotation(10.125, -1, "Lights off µ")
            w.writeAnnotation(36.9, 0.1, "end")
        w.close()
        expect_edf(name, path, "2021-03-04T05:06:07")


def real_recordings():
    for record, annotator in [("100", "atr"), ("03700181", None)]:
        if os.path.exists(os.path.join(real, record + ".hea")):
            expect_wfdb(record, real, "real " + record, annotator)
    source, path = os.path.join(real, "test_generator_2.edf"), os.path.join(out, "test_generator_2.edf")
    if os.path.exists(source):
        # pyedflib refuses units that are not ASCII.
        shutil.copyfile(source, path)
        with open(path, "r+b") as f:
            header = f.read(256 * 13)
            f.seek(0)
            f.write(bytes(c if c < 128 else ord("u") for c in header))
        expect_edf("real test_generator_2", path, "2009-12-10T12:44:02")


def segments():
    """Records of several segments: of one layout, and of a variable one with a pause."""
    units, names, gains = ["mV", "mmHg"], ["II", "ABP"], [200.0, 12.5]

    def segment(record, which, count):
        wfdb.wrsamp(
            record, fs=250, units=[units[i] for i in which], sig_name=[names[i] for i in which], fmt=["16"] * len(which),
            d_signal=np.stack([digital("16", count) for _ in which], axis=1), adc_gain=[gains[i] for i in which],
            baseline=[0] * len(which), write_dir=out)

    for record, parts in {"fixed": [([0, 1], 700), ([0, 1], 333)], "variable": [([0, 1], 700), (None, 90), ([1], 333), ([1, 0], 100)]}.items():
        lines = []
        for i, (which, count) in enumerate(parts):
            lines.append(f"{record}_{i} {count}" if which else f"~ {count}")
            if which:
                segment(f"{record}_{i}", which, count)
        if record == "variable":
            lines.insert(0, "variable_layout 0")
            write_header("variable_layout", ["variable_layout 2 250 0"] + [
                f"~ 0 {g}(0)/{u} 16 0 0 0 0 {n}" for g, u, n in zip(gains, units, names)])
        write_header(record, [f"{record}/{len(lines)} 2 250 {sum(c for _, c in parts)} 12:34:56 01/05/2024"] + lines)
        r = wfdb.rdrecord(os.path.join(out, record), m2s=True, return_res=64)
        expect(record, os.path.join(out, record + ".hea"),
               [(r.sig_name[i], r.units[i], r.fs, r.p_signal[:, i]) for i in range(r.n_sig)], [], r.base_datetime.isoformat())


written_by_wfdb()
segments()
packed_by_hand()
skewed()
matlab()
several_files()
edf()
if real:
    real_recordings()
with open(os.path.join(out, "expected.json"), "w") as f:
    json.dump(expected, f)
