namespace Eml.Machine.Wasm;

/// <summary>Decodes the rest of a body that was found not to be valid, only to see whether its bytes are malformed.</summary>
internal static class WasmSkip
{
    /// <summary>Reads to the end of the body, in which <paramref name="open"/> blocks are open, the function counted; what the machine does not
    /// execute ends the reading.</summary>
    public static void Body(WasmReader reader, int open)
    {
        while (open > 0)
        {
            if (!WasmOpcodes.Integer.TryGetValue(reader.Byte(), out WasmOperation? operation))
            {
                return;
            }
            open += Immediates(reader, operation);
        }
        if (!reader.AtEnd)
        {
            throw reader.Malformed("section size mismatch");
        }
    }

    /// <summary>Skips what follows an opcode, and gives how many more blocks are open after it.</summary>
    private static int Immediates(WasmReader reader, WasmOperation operation)
    {
        switch (operation.Name)
        {
            case "block" or "loop" or "if":
                reader.Signed(33);
                return 1;
            case "end":
                return -1;
            case "br_table":
                for (int labels = reader.Count() + 1; labels > 0; labels--)
                {
                    reader.U32();
                }
                break;
            case "call_indirect":
                reader.U32();
                reader.Byte();
                break;
            case "i32.const":
                reader.Signed(32);
                break;
            case "i64.const":
                reader.Signed(64);
                break;
            case "memory.size" or "memory.grow":
                reader.Byte();
                break;
            case "br" or "br_if" or "call" or "local.get" or "local.set" or "local.tee" or "global.get" or "global.set":
                reader.U32();
                break;
            default:
                if (operation.Width >= 0)
                {
                    reader.U32();
                    reader.U32();
                }
                break;
        }
        return 0;
    }
}
