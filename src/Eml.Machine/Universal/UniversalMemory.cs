using Eml.Machine.Graph;

namespace Eml.Machine.Universal;

/// <summary>Linear memory: words of eight bytes, each in the token that wrote it last.</summary>
internal sealed partial class UniversalMachine
{
    private const double PageSize = 65536.0;
    private const double WordsPerPart = 16384.0;

    /// <summary>A load or store.</summary>
    /// <param name="Loaded">What a load reads, before its sign is extended.</param>
    /// <param name="LoadedHigh">Upper half of it.</param>
    /// <param name="OutOfBounds">1 if it is a trap.</param>
    /// <param name="Again">1 if a store goes on in the next word.</param>
    /// <param name="Writes">1 if a word is written.</param>
    /// <param name="WordHigh">Upper part of its number.</param>
    /// <param name="WordLow">Lower part.</param>
    /// <param name="Bytes">Its new bytes.</param>
    private sealed record MemoryAccess(Linear Loaded, Linear LoadedHigh, Linear OutOfBounds, Linear Again, Linear Writes, Linear WordHigh, Linear WordLow,
        Linear[] Bytes);

    private MemoryAccess AccessMemory(Instruction instruction, Linear x, Linear y, Linear[] value)
    {
        Linear address = _g.Keep("address", _g.Unit("load", Is(Signal.Load), y) + _g.Unit("store", Is(Signal.Store), x)
            + _g.Unit("offset", Is(Signal.Memory), instruction.Low));
        Linear outOfBounds = _g.Keep("out of bounds",
            Step("out of bounds", address + Is(Signal.Bytes) - (PageSize * Of(Field.Pages)), 1.0, Is(Signal.Memory)));
        Linear high = Floor("word: upper part", address, 17);
        Linear rest = address - (131072.0 * high);
        Linear low = Floor("word: lower part", rest, 3);
        Linear[] lane = _g.Row("byte in the word", _tables.Bytes, rest - (8.0 * low), 1.0, [.. Enumerable.Range(Tables.IsIndex, 8)]);
        Linear carry = Reached("next word: carry", low + 1.0, WordsPerPart);
        Linear nextHigh = high + carry;
        Linear nextLow = _g.Keep("next word: lower part", Positive("next word: lower part", low + 1.0 - (WordsPerPart * carry)));
        Linear[] first = ReadWord("word", high, low);
        Linear[] second = ReadWord("next word", nextHigh, nextLow);
        Linear[] bytes = [.. first, .. second];

        Linear loaded = 0.0;
        Linear loadedHigh = 0.0;
        for (int r = 0; r < 8; r++)
        {
            Linear On(Signal signal, Linear sum) => _g.Unit($"load at byte {r}", lane[r] + Is(signal) - 1.0, sum);
            loaded += On(Signal.Load1, bytes[r]) + On(Signal.Load2, FromBytes(bytes[r..(r + 2)])) + On(Signal.Load4, FromBytes(bytes[r..(r + 4)]));
            loadedHigh += On(Signal.Load8, FromBytes(bytes[(r + 4)..(r + 8)]));
        }

        Linear again = _g.Keep("store: second word", _g.Unit("store: second word", Is(Signal.Store), Of(Field.Phase)));
        Linear atFirst = _g.Keep("store: now the first", _g.Unit("store: now the first", Is(Signal.Store) - outOfBounds - again, 1.0));
        Linear atSecond = _g.Keep("store: now the second", _g.Unit("store: now the second", again - outOfBounds, 1.0));
        Linear crosses = _g.Keep("store crosses",
            Step("store crosses", rest - (8.0 * low) + Is(Signal.Bytes), 9.0, Is(Signal.Store)));
        var written = new Linear[8];
        Signal[] isWritten = [Signal.Store, Signal.Store2, Signal.Store4, Signal.Store4, Signal.Store8, Signal.Store8, Signal.Store8, Signal.Store8];
        for (int k = 0; k < 8; k++)
        {
            Linear old = first[k];
            Linear next = second[k];
            for (int r = 0; r < 8; r++)
            {
                int i = r <= k ? k - r : k + 8 - r;
                Linear here = lane[r] + Is(isWritten[i]) - 1.0;
                (old, next) = r <= k ? (old + _g.Unit($"store at byte {r}", here, value[i] - first[k]), next)
                    : (old, next + _g.Unit($"store at byte {r}", here, value[i] - second[k]));
            }
            written[k] = _g.Unit($"write byte {k}", atFirst, _g.Keep($"byte {k}", old)) + _g.Unit($"write byte {k}", atSecond, _g.Keep($"next byte {k}", next));
        }
        return new MemoryAccess(loaded, loadedHigh, outOfBounds, Both("store goes on", crosses, atFirst), atFirst + atSecond,
            _g.Unit("word", atFirst, high) + _g.Unit("word", atSecond, nextHigh), _g.Unit("word", atFirst, low) + _g.Unit("word", atSecond, nextLow), written);
    }

    private Linear[] ReadWord(string name, Linear high, Linear low) => _g.Find(name,
        (high, low, Square($"{name}: upper^2", high) + Square($"{name}: lower^2", low)), WordKey, Of(Field.WordWrite),
        [.. Enumerable.Range(0, 8).Select(i => Of(Field.Byte0 + i))]);

    private (Linear High, Linear Low, Linear Squares) WordKey => _wordKeyValue ??= (Of(Field.WordHigh), Of(Field.WordLow),
        Square("word: upper^2", Of(Field.WordHigh)) + Square("word: lower^2", Of(Field.WordLow)));

    private (Linear High, Linear Low, Linear Squares)? _wordKeyValue;

    /// <summary>What is loaded or cut off is extended by its sign.</summary>
    private Wide Extend(Linear y, Linear[] limbs, Linear[] bytes, MemoryAccess memory)
    {
        Linear low = _g.Keep("to extend", memory.Loaded + _g.Unit("extend8", Is(Signal.Extend8), bytes[0])
            + _g.Unit("extend16", Is(Signal.Extend16), limbs[0]) + _g.Unit("extend32", Is(Signal.Extend32), y));
        Linear sign8 = Step("sign of 8 bits", low, 128.0, Is(Signal.Sign8));
        Linear sign16 = Step("sign of 16 bits", low, 32768.0, Is(Signal.Sign16));
        Linear sign32 = Step("sign of 32 bits", low, Word / 2, Is(Signal.Sign32));
        return new Wide(low + ((Word - 256.0) * sign8) + ((Word - 65536.0) * sign16),
            memory.LoadedHigh + _g.Unit("sign", Is(Signal.SignHigh), (Word - 1.0) * (sign8 + sign16 + sign32)));
    }

    private (Wide Result, Linear Pages) GrowMemory(Instruction instruction, Linear y)
    {
        Linear pages = Of(Field.Pages);
        Linear fits = Step("memory.grow: fits", instruction.Low - pages - y, 0.0, Is(Signal.MemoryGrow));
        return (new Wide(_g.Unit("memory.size", Is(Signal.MemorySize) + fits, pages) + _g.Unit("memory.grow: refused", Is(Signal.MemoryGrow) - fits, Word - 1.0), 0.0),
            pages + _g.Unit("memory.grow", fits, y));
    }
}
