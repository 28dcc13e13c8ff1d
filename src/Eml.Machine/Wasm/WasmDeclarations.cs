namespace Eml.Machine.Wasm;

/// <summary>A module's binary with the same types, imports, functions, tables, memories, globals, exports and start, but without code,
/// table elements and data: every function is <c>unreachable</c>.</summary>
internal static class WasmDeclarations
{
    private const byte Custom = 0, Element = 9, Code = 10, Data = 11;

    /// <summary>A body: its size, no locals, unreachable, end.</summary>
    private static ReadOnlySpan<byte> Body => [3, 0, 0x00, 0x0b];

    /// <summary>The declarations of a valid module.</summary>
    public static byte[] Write(byte[] binary, int functions)
    {
        var reader = new WasmReader(binary, 0, binary.Length);
        var written = new List<byte>();
        written.AddRange(reader.Bytes(8));
        while (!reader.AtEnd)
        {
            byte id = reader.Byte();
            ReadOnlySpan<byte> content = reader.Bytes((int)reader.U32());
            if (id == Code)
            {
                Section(written, id, Bodies(functions));
            }
            else if (id is not (Custom or Element or Data))
            {
                Section(written, id, content);
            }
        }
        return [.. written];
    }

    private static byte[] Bodies(int count)
    {
        var bodies = new List<byte>();
        U32(bodies, (uint)count);
        for (int i = 0; i < count; i++)
        {
            bodies.AddRange(Body);
        }
        return [.. bodies];
    }

    private static void Section(List<byte> written, byte id, ReadOnlySpan<byte> content)
    {
        written.Add(id);
        U32(written, (uint)content.Length);
        written.AddRange(content);
    }

    private static void U32(List<byte> written, uint value)
    {
        for (; value >= 128; value >>= 7)
        {
            written.Add((byte)(value | 128));
        }
        written.Add((byte)value);
    }
}
