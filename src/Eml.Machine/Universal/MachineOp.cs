using Eml.Machine.Wasm;

namespace Eml.Machine.Universal;

/// <summary>What a code token can say: every WebAssembly opcode that does something, plus one, and what the machine needs besides.</summary>
internal static class MachineOp
{
    /// <summary>Number of rows of the decoding table.</summary>
    public const int Count = 256;

    /// <summary>Does nothing: what every token of the prompt executes.</summary>
    public const int Idle = 0;

    /// <summary>local.get of a local that is no parameter: 0 if nothing was written since the function was entered.</summary>
    public const int LocalGetOwn = 200;

    /// <summary>Hands the arguments to the host, one a step, and then the number of the imported function.</summary>
    public const int HostCall = 201;

    public static int Of(WasmOpcode opcode) => (int)opcode + 1;
}
