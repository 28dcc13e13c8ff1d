using Eml.Machine.Universal;
using Eml.Machine.Wasm;
using Eml.Numerics;

namespace Eml.Tests.Machine.Wasm;

/// <summary>The functions of WASI, each called from outside.</summary>
public sealed class WasiHostTests
{
    private const ulong BadFile = 8, Fault = 21, Invalid = 28, NoSystem = 52, IsPipe = 70;

    /// <summary>A module with a page of memory that imports and exports fd_write, fd_read, fd_seek, fd_close, args_sizes_get, args_get, clock_time_get,
    /// random_get, path_unlink_file and fd_fdstat_get, and exports end(code), which calls proc_exit.</summary>
    private static readonly WasmModule s_module = WasmModule.Read(Convert.FromBase64String("""
        AGFzbQEAAAABLgdgBH9/f38Bf2AEf35/fwF/YAF/AX9gAn9/AX9gA39+fwF/YAN/f38Bf2ABfwACkQMLFndhc2lfc25hcHNob3RfcHJldmlldzEIZmRfd3Jp
        dGUAABZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxB2ZkX3JlYWQAABZ3YXNpX3NuYXBzaG90X3ByZXZpZXcxB2ZkX3NlZWsAARZ3YXNpX3NuYXBzaG90X3ByZXZp
        ZXcxCGZkX2Nsb3NlAAIWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQ5hcmdzX3NpemVzX2dldAADFndhc2lfc25hcHNob3RfcHJldmlldzEIYXJnc19nZXQAAxZ3
        YXNpX3NuYXBzaG90X3ByZXZpZXcxDmNsb2NrX3RpbWVfZ2V0AAQWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQpyYW5kb21fZ2V0AAMWd2FzaV9zbmFwc2hvdF9w
        cmV2aWV3MRBwYXRoX3VubGlua19maWxlAAUWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQ1mZF9mZHN0YXRfZ2V0AAMWd2FzaV9zbmFwc2hvdF9wcmV2aWV3MQlw
        cm9jX2V4aXQABgMCAQYFAwEAAQeOAQsIZmRfd3JpdGUAAAdmZF9yZWFkAAEHZmRfc2VlawACCGZkX2Nsb3NlAAMOYXJnc19zaXplc19nZXQABAhhcmdzX2dl
        dAAFDmNsb2NrX3RpbWVfZ2V0AAYKcmFuZG9tX2dldAAHEHBhdGhfdW5saW5rX2ZpbGUACA1mZF9mZHN0YXRfZ2V0AAkDZW5kAAsKCQEHACAAEAoACw==
        """));

    private readonly List<byte> _output = [];
    private readonly List<byte> _error = [];
    private readonly Queue<byte> _input = new("hello"u8.ToArray());

    [Fact]
    public void Output_is_gathered_from_all_buffers()
    {
        WasmMachine machine = Machine();
        machine.WriteMemory(100, "abcdefgh"u8);
        Put(machine, 16, 101, 2, 0, 0, 105, 3);
        Assert.Equal(0UL, Call(machine, "fd_write", 1, 16, 3, 8));
        Assert.Equal("bcfgh"u8.ToArray(), _output);
        Assert.Equal(5u, Number(machine, 8));
        Assert.Equal(0UL, Call(machine, "fd_write", 2, 16, 1, 8));
        Assert.Equal("bc"u8.ToArray(), _error);
    }

    [Fact]
    public void Input_fills_one_buffer_after_the_other()
    {
        WasmMachine machine = Machine();
        Put(machine, 16, 101, 2, 203, 10);
        Assert.Equal(0UL, Call(machine, "fd_read", 0, 16, 2, 8));
        Assert.Equal(5u, Number(machine, 8));
        Assert.Equal("he"u8.ToArray(), machine.ReadMemory(101, 2));
        Assert.Equal("llo"u8.ToArray(), machine.ReadMemory(203, 3));
        Assert.Equal(0UL, Call(machine, "fd_read", 0, 16, 2, 8));
        Assert.Equal(0u, Number(machine, 8));
    }

    [Fact]
    public void Pointers_out_of_memory_are_answered_and_nothing_is_done()
    {
        WasmMachine machine = Machine();
        Put(machine, 16, 65535, 2, 0, 1);
        Assert.Equal(Fault, Call(machine, "fd_write", 1, 16, 1, 8));
        Assert.Equal(Fault, Call(machine, "fd_write", 1, 65529, 1, 8));
        Assert.Equal(Fault, Call(machine, "fd_write", 1, uint.MaxValue, 1, 8));
        Assert.Equal(Fault, Call(machine, "fd_write", 1, 24, 1, 65533));
        Assert.Equal(Fault, Call(machine, "fd_read", 0, 24, 1, uint.MaxValue));
        Assert.Equal(Invalid, Call(machine, "fd_write", 1, 16, uint.MaxValue, 8));
        Assert.Equal(Fault, Call(machine, "args_sizes_get", 65536, 0));
        Assert.Equal(Fault, Call(machine, "args_get", 0, 65530));
        Assert.Equal(Fault, Call(machine, "clock_time_get", 0, 0, 65529));
        Assert.Equal(Fault, Call(machine, "random_get", 1, 65536));
        Assert.Equal(Fault, Call(machine, "fd_fdstat_get", 1, 65513));
        Assert.Empty(_output);
        Assert.Equal(5, _input.Count);
    }

    [Fact]
    public void Files_that_are_not_there_are_answered()
    {
        WasmMachine machine = Machine();
        Assert.Equal(BadFile, Call(machine, "fd_write", 0, 0, 0, 8));
        Assert.Equal(BadFile, Call(machine, "fd_read", 1, 0, 0, 8));
        Assert.Equal(BadFile, Call(machine, "fd_write", 3, 0, 0, 8));
        Assert.Equal(IsPipe, Call(machine, "fd_seek", 1, 0, 0, 8));
        Assert.Equal(BadFile, Call(machine, "fd_seek", 3, 0, 0, 8));
        Assert.Equal(0UL, Call(machine, "fd_close", 1));
        Assert.Equal(BadFile, Call(machine, "fd_close", 1));
        Assert.Equal(BadFile, Call(machine, "fd_write", 1, 0, 0, 8));
        Assert.Equal(NoSystem, Call(machine, "path_unlink_file", 3, 0, 0));
        Assert.Equal(Invalid, Call(machine, "clock_time_get", 4, 0, 8));
    }

    [Fact]
    public void Arguments_clock_and_random_bytes_are_those_that_were_given()
    {
        WasmMachine machine = Machine();
        Assert.Equal(0UL, Call(machine, "args_sizes_get", 8, 12));
        Assert.Equal((2u, 8u), (Number(machine, 8), Number(machine, 12)));
        Assert.Equal(0UL, Call(machine, "args_get", 16, 33));
        Assert.Equal((33u, 38u), (Number(machine, 16), Number(machine, 20)));
        Assert.Equal("prog\0-x\0"u8.ToArray(), machine.ReadMemory(33, 8));
        Assert.Equal(0UL, Call(machine, "clock_time_get", 1, 0, 40));
        Assert.Equal(1234567890123UL, BitConverter.ToUInt64(machine.ReadMemory(40, 8)));
        Assert.Equal(0UL, Call(machine, "random_get", 65, 64));
        WasmMachine other = Machine();
        Assert.Equal(0UL, Call(other, "random_get", 65, 64));
        Assert.Equal(machine.ReadMemory(65, 64), other.ReadMemory(65, 64));
        Assert.True(machine.ReadMemory(65, 64).Distinct().Count() > 32);
    }

    [Fact]
    public void Exit_ends_the_run_with_its_code()
    {
        WasmMachine machine = Machine();
        machine.Begin("end", 300);
        Assert.Equal(WasmStatus.Exited, machine.Run());
        Assert.Equal(300u, machine.ExitCode);
        Assert.Null(machine.Trap);
        EmlException e = Assert.Throws<EmlException>(() => machine.Invoke("end", 3));
        Assert.Contains("exit code 3", e.Message, StringComparison.Ordinal);
    }

    private static ulong Call(WasmMachine machine, string function, params ulong[] arguments) => machine.Invoke(function, arguments)[0];

    private static void Put(WasmMachine machine, uint address, params uint[] numbers) =>
        machine.WriteMemory(address, [.. numbers.SelectMany(BitConverter.GetBytes)]);

    private static uint Number(WasmMachine machine, uint address) => BitConverter.ToUInt32(machine.ReadMemory(address, 4));

    private WasmMachine Machine()
    {
        var wasi = new WasiHost
        {
            Input = into =>
            {
                int count = Math.Min(into.Length, _input.Count);
                for (int i = 0; i < count; i++)
                {
                    into[i] = _input.Dequeue();
                }
                return count;
            },
            Output = bytes => _output.AddRange(bytes),
            Error = bytes => _error.AddRange(bytes),
            Clock = () => 1234567890123,
            Seed = 7,
            Arguments = ["prog"u8.ToArray(), "-x"u8.ToArray()],
        };
        return new WasmMachine(s_module, wasi.AddTo(new WasmImports(), s_module));
    }
}
