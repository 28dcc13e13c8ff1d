//! Every function of `include/eml.h`, in its order.

use std::os::raw::{c_char, c_void};

use crate::types::*;

dynamic! {
    extern "C" {
        // status, errors
        pub fn eml_last_error(out: *mut eml_error) -> eml_status;
        pub fn eml_last_error_message(buf: *mut c_char, cap: u64, need: *mut u64) -> eml_status;
        pub fn eml_status_name(status: eml_status) -> *const c_char;

        // version, build
        pub fn eml_version() -> *const c_char;
        pub fn eml_abi_version() -> u32;
        pub fn eml_build_info() -> *const c_char;
        pub fn eml_log_set(sink: eml_log_fn, user: *mut c_void) -> eml_status;

        // cancel tokens
        pub fn eml_cancel_create(out: *mut *mut eml_cancel) -> eml_status;
        pub fn eml_cancel_set(cancel: *const eml_cancel) -> eml_status;
        pub fn eml_cancel_reset(cancel: *const eml_cancel) -> eml_status;
        pub fn eml_cancel_is_set(cancel: *const eml_cancel, out: *mut i32) -> eml_status;
        pub fn eml_cancel_free(cancel: *mut eml_cancel) -> eml_status;

        // buffers
        pub fn eml_buffer_data(buffer: *const eml_buffer, data: *mut *const c_void, size: *mut u64) -> eml_status;
        pub fn eml_buffer_free(buffer: *mut eml_buffer) -> eml_status;

        // mathematics
        pub fn eml_math_exp(x: f64) -> f64;
        pub fn eml_math_ln(x: f64) -> f64;
        pub fn eml_math_pow(x: f64, y: f64) -> f64;
        pub fn eml_math_exp_batch(x: *const f64, n: u64, y: *mut f64) -> eml_status;
        pub fn eml_math_ln_batch(x: *const f64, n: u64, y: *mut f64) -> eml_status;
        pub fn eml_math_pow_batch(x: *const f64, y: *const f64, n: u64, z: *mut f64) -> eml_status;
        pub fn eml_operator_eml(x: f64, y: f64) -> f64;
        pub fn eml_operator_eml_safe(x: f64, y: f64) -> f64;
        pub fn eml_operator_softmax3(a: f64, b: f64, c: f64, out: *mut f64) -> eml_status;
        pub fn eml_random_restart(state: *mut u64, out: *mut f64, n: u64) -> eml_status;

        // EmlTree
        pub fn eml_tree_param_count(depth: u32, inputs: u64, out: *mut u64) -> eml_status;
        pub fn eml_tree_evaluate(
            depth: u32,
            inputs: u64,
            params: *const f64,
            param_count: u64,
            x: *const f64,
            rows: u64,
            y: *mut f64,
            flags: u32,
        ) -> eml_status;

        pub fn eml_tree_expression(
            depth: u32,
            inputs: u64,
            params: *const f64,
            param_count: u64,
            format: i32,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;

        // SafeTree
        pub fn eml_safetree_create(depth: u32, inputs: u64, heads: u64, out: *mut *mut eml_safetree) -> eml_status;
        pub fn eml_safetree_free(tree: *mut eml_safetree) -> eml_status;
        pub fn eml_safetree_clone(tree: *const eml_safetree, out: *mut *mut eml_safetree) -> eml_status;
        pub fn eml_safetree_get_info(tree: *const eml_safetree, out: *mut eml_safetree_info) -> eml_status;
        pub fn eml_safetree_get_params(tree: *const eml_safetree, out: *mut f64, n: u64) -> eml_status;
        pub fn eml_safetree_set_params(tree: *mut eml_safetree, params: *const f64, n: u64, flags: u32) -> eml_status;
        pub fn eml_safetree_forward(
            tree: *const eml_safetree,
            x: *const f64,
            rows: u64,
            y: *mut f64,
            flags: u32,
        ) -> eml_status;
        pub fn eml_safetree_expression(
            tree: *const eml_safetree,
            format: i32,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_safetree_export(
            tree: *const eml_safetree,
            format: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_safetree_import(
            bytes: *const c_void,
            len: u64,
            format: i32,
            out: *mut *mut eml_safetree,
        ) -> eml_status;
        pub fn eml_safetree_save(
            tree: *const eml_safetree,
            path: *const c_char,
            path_len: u64,
            format: i32,
        ) -> eml_status;
        pub fn eml_safetree_load(
            path: *const c_char,
            path_len: u64,
            format: i32,
            out: *mut *mut eml_safetree,
        ) -> eml_status;

        // EmlModel
        pub fn eml_model_options_init(options: *mut eml_model_options, struct_size: u32) -> eml_status;
        pub fn eml_model_create(options: *const eml_model_options, out: *mut *mut eml_model) -> eml_status;
        pub fn eml_model_free(model: *mut eml_model) -> eml_status;
        pub fn eml_model_clone(model: *const eml_model, out: *mut *mut eml_model) -> eml_status;
        pub fn eml_model_get_info(model: *const eml_model, out: *mut eml_model_info) -> eml_status;
        pub fn eml_model_get_params(model: *const eml_model, out: *mut f64, n: u64) -> eml_status;
        pub fn eml_model_set_params(model: *mut eml_model, params: *const f64, n: u64, flags: u32) -> eml_status;
        pub fn eml_model_set_trained(model: *mut eml_model, trained: i32) -> eml_status;
        pub fn eml_model_set_name(model: *mut eml_model, name: *const c_char, len: u64) -> eml_status;
        pub fn eml_model_get_name(model: *const eml_model, buf: *mut c_char, cap: u64, need: *mut u64) -> eml_status;
        pub fn eml_model_set_metadata(
            model: *mut eml_model,
            key: *const c_char,
            key_len: u64,
            value: *const c_char,
            value_len: u64,
        ) -> eml_status;
        pub fn eml_model_get_metadata(
            model: *const eml_model,
            key: *const c_char,
            key_len: u64,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_model_get_metadata_count(model: *const eml_model, out: *mut u64) -> eml_status;
        pub fn eml_model_get_metadata_key(
            model: *const eml_model,
            index: u64,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_model_set_scaling(model: *mut eml_model, inputs: *const f64, targets: *const f64) -> eml_status;
        pub fn eml_model_fit_scaling(model: *mut eml_model) -> eml_status;
        pub fn eml_model_get_scaling(model: *const eml_model, inputs: *mut f64, targets: *mut f64) -> eml_status;
        pub fn eml_model_record(
            model: *mut eml_model,
            x: *const f64,
            targets: *const f64,
            present: *const u8,
            rows: u64,
            flags: u32,
        ) -> eml_status;
        pub fn eml_model_clear_samples(model: *mut eml_model) -> eml_status;
        pub fn eml_model_forward(
            model: *const eml_model,
            x: *const f64,
            rows: u64,
            y: *mut f64,
            flags: u32,
        ) -> eml_status;
        pub fn eml_train_options_init(options: *mut eml_train_options, struct_size: u32) -> eml_status;
        pub fn eml_model_train(
            model: *mut eml_model,
            options: *const eml_train_options,
            result: *mut eml_train_result,
        ) -> eml_status;
        pub fn eml_model_verify_audit(
            model: *const eml_model,
            log: *const c_void,
            len: u64,
            options: *const eml_train_options,
            out: *mut eml_audit_report,
        ) -> eml_status;
        pub fn eml_model_verify_audit_file(
            model: *const eml_model,
            path: *const c_char,
            path_len: u64,
            options: *const eml_train_options,
            out: *mut eml_audit_report,
        ) -> eml_status;
        pub fn eml_model_loss(model: *const eml_model, out: *mut f64) -> eml_status;
        pub fn eml_snap_options_init(options: *mut eml_snap_options, struct_size: u32) -> eml_status;
        pub fn eml_model_snap(
            model: *mut eml_model,
            options: *const eml_snap_options,
            snapped: *mut u64,
            cap: u64,
            result: *mut eml_snap_result,
        ) -> eml_status;
        pub fn eml_model_expression(
            model: *const eml_model,
            format: i32,
            flags: u32,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_model_distill(
            model: *const eml_model,
            depth: u32,
            samples: u64,
            options: *const eml_train_options,
            out: *mut *mut eml_model,
        ) -> eml_status;
        pub fn eml_model_reset(model: *mut eml_model, reason: *const c_char, len: u64) -> eml_status;
        pub fn eml_model_export(
            model: *const eml_model,
            format: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_model_export_buffer(model: *const eml_model, format: i32, out: *mut *mut eml_buffer) -> eml_status;
        pub fn eml_model_import(bytes: *const c_void, len: u64, format: i32, out: *mut *mut eml_model) -> eml_status;
        pub fn eml_model_save(model: *mut eml_model, path: *const c_char, path_len: u64, format: i32) -> eml_status;
        pub fn eml_model_load(path: *const c_char, path_len: u64, format: i32, out: *mut *mut eml_model) -> eml_status;

        // attention blocks
        pub fn eml_attention_options_init(options: *mut eml_attention_options, struct_size: u32) -> eml_status;
        pub fn eml_attention_create(options: *const eml_attention_options, out: *mut *mut eml_attention) -> eml_status;
        pub fn eml_attention_free(attention: *mut eml_attention) -> eml_status;
        pub fn eml_attention_clone(attention: *const eml_attention, out: *mut *mut eml_attention) -> eml_status;
        pub fn eml_attention_get_info(attention: *const eml_attention, out: *mut eml_attention_info) -> eml_status;
        pub fn eml_attention_get_params(attention: *const eml_attention, out: *mut f64, n: u64) -> eml_status;
        pub fn eml_attention_set_params(
            attention: *mut eml_attention,
            params: *const f64,
            n: u64,
            flags: u32,
        ) -> eml_status;
        pub fn eml_attention_set_trained(attention: *mut eml_attention, trained: i32) -> eml_status;
        pub fn eml_attention_set_name(attention: *mut eml_attention, name: *const c_char, len: u64) -> eml_status;
        pub fn eml_attention_get_name(
            attention: *const eml_attention,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_attention_record(
            attention: *mut eml_attention,
            x: *const f64,
            targets: *const f64,
            rows: u64,
            flags: u32,
        ) -> eml_status;
        pub fn eml_attention_clear_samples(attention: *mut eml_attention) -> eml_status;
        pub fn eml_attention_forward(
            attention: *const eml_attention,
            x: *const f64,
            rows: u64,
            y: *mut f64,
            flags: u32,
        ) -> eml_status;
        pub fn eml_attention_loss(attention: *const eml_attention, out: *mut f64) -> eml_status;
        pub fn eml_attention_train_options_init(
            options: *mut eml_attention_train_options,
            struct_size: u32,
        ) -> eml_status;
        pub fn eml_attention_train(
            attention: *mut eml_attention,
            options: *const eml_attention_train_options,
            result: *mut eml_attention_train_result,
        ) -> eml_status;
        pub fn eml_attention_snap(
            attention: *mut eml_attention,
            options: *const eml_snap_options,
            snapped: *mut u64,
            cap: u64,
            result: *mut eml_snap_result,
        ) -> eml_status;
        pub fn eml_attention_expression(
            attention: *const eml_attention,
            format: i32,
            flags: u32,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_attention_verify_audit(
            attention: *const eml_attention,
            log: *const c_void,
            len: u64,
            options: *const eml_attention_train_options,
            out: *mut eml_audit_report,
        ) -> eml_status;
        pub fn eml_attention_verify_audit_file(
            attention: *const eml_attention,
            path: *const c_char,
            path_len: u64,
            options: *const eml_attention_train_options,
            out: *mut eml_audit_report,
        ) -> eml_status;
        pub fn eml_attention_export(
            attention: *const eml_attention,
            format: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_attention_export_buffer(
            attention: *const eml_attention,
            format: i32,
            out: *mut *mut eml_buffer,
        ) -> eml_status;
        pub fn eml_attention_import(
            bytes: *const c_void,
            len: u64,
            format: i32,
            out: *mut *mut eml_attention,
        ) -> eml_status;
        pub fn eml_attention_save(
            attention: *mut eml_attention,
            path: *const c_char,
            path_len: u64,
            format: i32,
        ) -> eml_status;
        pub fn eml_attention_load(
            path: *const c_char,
            path_len: u64,
            format: i32,
            out: *mut *mut eml_attention,
        ) -> eml_status;
        pub fn eml_attention_benchmark(
            d_model: u32,
            d_k: u32,
            seq_len: u32,
            depth: u32,
            trials: u64,
            cancel: *const eml_cancel,
            json: *mut *mut eml_buffer,
        ) -> eml_status;
        pub fn eml_attention_compare(
            d_model: u32,
            d_k: u32,
            seq_len: u32,
            depth: u32,
            options: *const eml_attention_train_options,
            rounds: u64,
            json: *mut *mut eml_buffer,
        ) -> eml_status;

        // events
        pub fn eml_event_type_name(kind: i32) -> *const c_char;
        pub fn eml_model_push_event(model: *mut eml_model, event: *const eml_event) -> eml_status;
        pub fn eml_model_next_event(model: *mut eml_model, out: *mut eml_event) -> eml_status;
        pub fn eml_model_drain_events(
            model: *mut eml_model,
            format: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_model_set_event_sink(
            model: *mut eml_model,
            sink: eml_event_fn,
            user: *mut c_void,
        ) -> eml_status;
        pub fn eml_attention_push_event(attention: *mut eml_attention, event: *const eml_event) -> eml_status;
        pub fn eml_attention_next_event(attention: *mut eml_attention, out: *mut eml_event) -> eml_status;
        pub fn eml_attention_drain_events(
            attention: *mut eml_attention,
            format: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_attention_set_event_sink(
            attention: *mut eml_attention,
            sink: eml_event_fn,
            user: *mut c_void,
        ) -> eml_status;

        // compact machines
        pub fn eml_machine_options_init(options: *mut eml_machine_options, struct_size: u32) -> eml_status;
        pub fn eml_machine_create(options: *const eml_machine_options, out: *mut *mut eml_machine) -> eml_status;
        pub fn eml_machine_free(machine: *mut eml_machine) -> eml_status;
        pub fn eml_machine_load(
            machine: *mut eml_machine,
            program: *const eml_instruction,
            count: u64,
        ) -> eml_status;
        pub fn eml_machine_load_text(
            machine: *mut eml_machine,
            text: *const c_char,
            text_len: u64,
        ) -> eml_status;
        pub fn eml_machine_set_file(
            machine: *mut eml_machine,
            descriptor: i32,
            bytes: *const c_void,
            size: u64,
        ) -> eml_status;
        pub fn eml_machine_run(
            machine: *mut eml_machine,
            fuel: u64,
            callback: eml_machine_event_fn,
            user: *mut c_void,
            cancel: *const eml_cancel,
        ) -> eml_status;
        pub fn eml_machine_step(machine: *mut eml_machine, out: *mut eml_machine_event) -> eml_status;
        pub fn eml_machine_get_info(machine: *const eml_machine, out: *mut eml_machine_info) -> eml_status;
        pub fn eml_machine_output(
            machine: *const eml_machine,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_machine_file(
            machine: *const eml_machine,
            descriptor: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_machine_trace(
            machine: *const eml_machine,
            first: u64,
            tokens: *mut i32,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_machine_describe(
            machine: *const eml_machine,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_machine_export(
            machine: *const eml_machine,
            path: *const c_char,
            path_len: u64,
        ) -> eml_status;

        // WebAssembly machines
        pub fn eml_wasm_wasi_init(wasi: *mut eml_wasm_wasi, struct_size: u32) -> eml_status;
        pub fn eml_wasm_options_init(options: *mut eml_wasm_options, struct_size: u32) -> eml_status;
        pub fn eml_wasm_load(
            bytes: *const c_void,
            size: u64,
            options: *const eml_wasm_options,
            out: *mut *mut eml_wasm,
        ) -> eml_status;
        pub fn eml_wasm_free(machine: *mut eml_wasm) -> eml_status;
        pub fn eml_wasm_invoke(
            machine: *mut eml_wasm,
            name: *const c_char,
            name_len: u64,
            args: *const u64,
            nargs: u64,
            fuel: u64,
            cancel: *const eml_cancel,
            results: *mut u64,
            cap: u64,
            nresults: *mut u64,
        ) -> eml_status;
        pub fn eml_wasm_resume(
            machine: *mut eml_wasm,
            fuel: u64,
            cancel: *const eml_cancel,
            results: *mut u64,
            cap: u64,
            nresults: *mut u64,
        ) -> eml_status;
        pub fn eml_wasm_trap(machine: *const eml_wasm, buf: *mut c_char, cap: u64, need: *mut u64) -> eml_status;
        pub fn eml_wasm_output(
            machine: *const eml_wasm,
            stream: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_wasm_get_info(machine: *const eml_wasm, out: *mut eml_wasm_info) -> eml_status;
        pub fn eml_wasm_get_function(
            machine: *const eml_wasm,
            index: u64,
            out: *mut eml_wasm_function,
        ) -> eml_status;
        pub fn eml_wasm_read_memory(
            machine: *mut eml_wasm,
            address: u32,
            buf: *mut c_void,
            size: u64,
        ) -> eml_status;
        pub fn eml_wasm_write_memory(
            machine: *mut eml_wasm,
            address: u32,
            bytes: *const c_void,
            size: u64,
        ) -> eml_status;
        pub fn eml_wasm_export(
            machine: *const eml_wasm,
            name: *const c_char,
            name_len: u64,
            args: *const u64,
            nargs: u64,
            path: *const c_char,
            path_len: u64,
        ) -> eml_status;

        // tokenizers
        pub fn eml_tokenizer_import(bytes: *const c_void, len: u64, out: *mut *mut eml_tokenizer) -> eml_status;
        pub fn eml_tokenizer_load(path: *const c_char, path_len: u64, out: *mut *mut eml_tokenizer) -> eml_status;
        pub fn eml_tokenizer_train(
            documents: *const eml_text,
            count: u64,
            merges: u64,
            special: *const eml_text,
            special_count: u64,
            cancel: *const eml_cancel,
            out: *mut *mut eml_tokenizer,
        ) -> eml_status;
        pub fn eml_tokenizer_free(tokenizer: *mut eml_tokenizer) -> eml_status;
        pub fn eml_tokenizer_export(
            tokenizer: *const eml_tokenizer,
            format: i32,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_tokenizer_save(
            tokenizer: *const eml_tokenizer,
            path: *const c_char,
            path_len: u64,
            format: i32,
        ) -> eml_status;
        pub fn eml_tokenizer_get_info(
            tokenizer: *const eml_tokenizer,
            out: *mut eml_tokenizer_info,
        ) -> eml_status;
        pub fn eml_tokenizer_encode(
            tokenizer: *const eml_tokenizer,
            text: *const c_char,
            len: u64,
            flags: u32,
            ids: *mut i32,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_tokenizer_encode_buffer(
            tokenizer: *const eml_tokenizer,
            text: *const c_char,
            len: u64,
            flags: u32,
            out: *mut *mut eml_buffer,
        ) -> eml_status;
        pub fn eml_tokenizer_decode(
            tokenizer: *const eml_tokenizer,
            ids: *const i32,
            n: u64,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_tokenizer_decode_bytes(
            tokenizer: *const eml_tokenizer,
            ids: *const i32,
            n: u64,
            buf: *mut c_void,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_tokenizer_special(
            tokenizer: *const eml_tokenizer,
            name: *const c_char,
            len: u64,
            out: *mut i32,
        ) -> eml_status;
        pub fn eml_tokenizer_byte_lengths(
            tokenizer: *const eml_tokenizer,
            counting: i32,
            out: *mut i32,
            n: u64,
        ) -> eml_status;
        pub fn eml_token_stream_create(
            tokenizer: *const eml_tokenizer,
            out: *mut *mut eml_token_stream,
        ) -> eml_status;
        pub fn eml_token_stream_free(stream: *mut eml_token_stream) -> eml_status;
        pub fn eml_token_stream_push(
            stream: *mut eml_token_stream,
            id: i32,
            text: *mut *const c_char,
            len: *mut u64,
        ) -> eml_status;
        pub fn eml_token_stream_flush(
            stream: *mut eml_token_stream,
            text: *mut *const c_char,
            len: *mut u64,
        ) -> eml_status;

        // language models
        pub fn eml_lm_options_init(options: *mut eml_lm_options, struct_size: u32) -> eml_status;
        pub fn eml_lm_import(
            bytes: *const c_void,
            len: u64,
            options: *const eml_lm_options,
            out: *mut *mut eml_lm,
        ) -> eml_status;
        pub fn eml_lm_load(
            path: *const c_char,
            path_len: u64,
            options: *const eml_lm_options,
            out: *mut *mut eml_lm,
        ) -> eml_status;
        pub fn eml_lm_free(lm: *mut eml_lm) -> eml_status;
        pub fn eml_lm_get_info(lm: *const eml_lm, out: *mut eml_lm_info) -> eml_status;
        pub fn eml_lm_config(lm: *const eml_lm, buf: *mut c_char, cap: u64, need: *mut u64) -> eml_status;
        pub fn eml_lm_activation_parameters(lm: *const eml_lm, out: *mut f32, n: u64) -> eml_status;
        pub fn eml_lm_get_tokenizer(lm: *const eml_lm, out: *mut *mut eml_tokenizer) -> eml_status;
        pub fn eml_lm_quantize(lm: *const eml_lm, weight_type: i32, out: *mut *mut eml_lm) -> eml_status;
        pub fn eml_lm_export_buffer(lm: *const eml_lm, format: i32, out: *mut *mut eml_buffer) -> eml_status;
        pub fn eml_lm_save(lm: *const eml_lm, path: *const c_char, path_len: u64, format: i32) -> eml_status;
        pub fn eml_lm_check_parity(
            lm: *const eml_lm,
            sidecar: *const c_void,
            len: u64,
            out: *mut eml_lm_parity,
        ) -> eml_status;
        pub fn eml_lm_log_probability(logits: *const f32, n: u64, token: i32, out: *mut f64) -> eml_status;
        pub fn eml_lm_session_create(
            lm: *const eml_lm,
            threads: u32,
            out: *mut *mut eml_lm_session,
        ) -> eml_status;
        pub fn eml_lm_session_free(session: *mut eml_lm_session) -> eml_status;
        pub fn eml_lm_session_reset(session: *mut eml_lm_session) -> eml_status;
        pub fn eml_lm_session_get_info(
            session: *const eml_lm_session,
            out: *mut eml_lm_session_info,
        ) -> eml_status;
        pub fn eml_lm_session_read(
            session: *mut eml_lm_session,
            tokens: *const i32,
            n: u64,
            logits: *mut f32,
            cancel: *const eml_cancel,
        ) -> eml_status;
        pub fn eml_lm_session_read_all(
            session: *mut eml_lm_session,
            tokens: *const i32,
            n: u64,
            logits: *mut f32,
            cancel: *const eml_cancel,
        ) -> eml_status;
        pub fn eml_lm_session_embed(
            session: *mut eml_lm_session,
            tokens: *const i32,
            n: u64,
            out: *mut f32,
            cancel: *const eml_cancel,
        ) -> eml_status;
        pub fn eml_lm_session_set_listener(
            session: *mut eml_lm_session,
            listener: eml_lm_layer_fn,
            user: *mut c_void,
        ) -> eml_status;
        pub fn eml_lm_generate_options_init(
            options: *mut eml_lm_generate_options,
            struct_size: u32,
        ) -> eml_status;
        pub fn eml_lm_session_generate(
            session: *mut eml_lm_session,
            prompt: *const i32,
            n: u64,
            options: *const eml_lm_generate_options,
            out: *mut eml_lm_generation,
        ) -> eml_status;
        pub fn eml_lm_session_generate_text(
            session: *mut eml_lm_session,
            prompt: *const c_char,
            len: u64,
            options: *const eml_lm_generate_options,
            out: *mut eml_lm_generation,
        ) -> eml_status;
        pub fn eml_lm_session_tokens(
            session: *const eml_lm_session,
            tokens: *mut i32,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_lm_session_text(
            session: *const eml_lm_session,
            buf: *mut c_char,
            cap: u64,
            need: *mut u64,
        ) -> eml_status;
        pub fn eml_lm_session_evaluate(
            session: *mut eml_lm_session,
            tokens: *const i32,
            n: u64,
            bos: i32,
            byte_lengths: *const i32,
            cancel: *const eml_cancel,
            out: *mut eml_lm_score,
        ) -> eml_status;
        pub fn eml_lm_session_evaluate_text(
            session: *mut eml_lm_session,
            text: *const c_char,
            len: u64,
            counting: i32,
            cancel: *const eml_cancel,
            out: *mut eml_lm_score,
        ) -> eml_status;
        pub fn eml_lm_batch_create(
            lm: *const eml_lm,
            sequences: u32,
            threads: u32,
            out: *mut *mut eml_lm_batch,
        ) -> eml_status;
        pub fn eml_lm_batch_free(batch: *mut eml_lm_batch) -> eml_status;
        pub fn eml_lm_batch_reset(batch: *mut eml_lm_batch, sequence: u32) -> eml_status;
        pub fn eml_lm_batch_position(batch: *const eml_lm_batch, sequence: u32, out: *mut u64) -> eml_status;
        pub fn eml_lm_batch_read(
            batch: *mut eml_lm_batch,
            sequence: u32,
            tokens: *const i32,
            n: u64,
            logits: *mut f32,
            cancel: *const eml_cancel,
        ) -> eml_status;
        pub fn eml_lm_batch_step(
            batch: *mut eml_lm_batch,
            tokens: *const i32,
            n: u64,
            logits: *mut f32,
            cancel: *const eml_cancel,
        ) -> eml_status;
        pub fn eml_lm_create(
            config: *const c_char,
            config_len: u64,
            tokenizer: *const eml_tokenizer,
            seed: u64,
            out: *mut *mut eml_lm,
        ) -> eml_status;
        pub fn eml_lm_trainer_options_init(
            options: *mut eml_lm_trainer_options,
            struct_size: u32,
        ) -> eml_status;
        pub fn eml_lm_trainer_create(
            lm: *const eml_lm,
            options: *const eml_lm_trainer_options,
            out: *mut *mut eml_lm_trainer,
        ) -> eml_status;
        pub fn eml_lm_trainer_free(trainer: *mut eml_lm_trainer) -> eml_status;
        pub fn eml_lm_trainer_get_info(trainer: *const eml_lm_trainer, out: *mut eml_lm_trainer_info) -> eml_status;
        pub fn eml_lm_trainer_activation_parameters(
            trainer: *const eml_lm_trainer,
            out: *mut f32,
            n: u64,
        ) -> eml_status;
        pub fn eml_lm_trainer_get_lm(trainer: *const eml_lm_trainer, out: *mut *mut eml_lm) -> eml_status;
        pub fn eml_lm_trainer_step(
            trainer: *mut eml_lm_trainer,
            inputs: *const i32,
            targets: *const i32,
            rows: u64,
            multiplier: f64,
            cancel: *const eml_cancel,
            loss: *mut f64,
        ) -> eml_status;
        pub fn eml_lm_trainer_losses(
            trainer: *mut eml_lm_trainer,
            inputs: *const i32,
            targets: *const i32,
            rows: u64,
            out: *mut f64,
        ) -> eml_status;
        pub fn eml_lm_training_plan_init(plan: *mut eml_lm_training_plan, struct_size: u32) -> eml_status;
        pub fn eml_lm_trainer_run(
            trainer: *mut eml_lm_trainer,
            folder: *const c_char,
            folder_len: u64,
            plan: *const eml_lm_training_plan,
            result: *mut eml_lm_training_result,
        ) -> eml_status;
        pub fn eml_lm_trainer_save(
            trainer: *const eml_lm_trainer,
            path: *const c_char,
            path_len: u64,
        ) -> eml_status;
        pub fn eml_lm_trainer_load(
            trainer: *mut eml_lm_trainer,
            path: *const c_char,
            path_len: u64,
        ) -> eml_status;
    }
}
