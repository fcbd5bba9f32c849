// One row's step of the LSTM once its gates are summed up. Side by side: input, forget,
// candidate, output.
#pragma once

#include "functions.h"

// Turns sums into gates, in place, and gives the new memory and state.
template <class T>
inline void lstm_forward(int64_t hidden, T* gates, const T* c_before, T* c, T* h) {
    T *input = gates, *forget = input + hidden;
    T *candidate = forget + hidden, *output = candidate + hidden;
    EACH for (int64_t j = 0; j < hidden; ++j) {
        const T i = sigmoid(input[j]), f = sigmoid(forget[j]);
        const T z = tangent(candidate[j]), o = sigmoid(output[j]);
        const T now = f * c_before[j] + i * z;
        input[j] = i;
        forget[j] = f;
        candidate[j] = z;
        output[j] = o;
        c[j] = now;
        h[j] = o * tangent(now);
    }
}

// From the gradient of the state, the loss's own and what later steps add, to that of the sums.
// d_c goes in as the gradient of the memory and comes out as that of the memory before.
template <class T>
inline void lstm_backward(
    int64_t hidden, const T* gates, const T* c_before, const T* c, const T* d_state,
    const T* d_later, T* d_c, T* d_gates
) {
    const T *input = gates, *forget = input + hidden;
    const T *candidate = forget + hidden, *output = candidate + hidden;
    T *d_input = d_gates, *d_forget = d_input + hidden;
    T *d_candidate = d_forget + hidden, *d_output = d_candidate + hidden;
    EACH for (int64_t j = 0; j < hidden; ++j) {
        const T i = input[j], f = forget[j], z = candidate[j], o = output[j];
        const T squashed = tangent(c[j]), dh = d_state[j] + d_later[j];
        const T dc = d_c[j] + dh * o * (1 - squashed * squashed);
        d_input[j] = dc * z * i * (1 - i);
        d_forget[j] = dc * c_before[j] * f * (1 - f);
        d_candidate[j] = dc * i * (1 - z * z);
        d_output[j] = dh * squashed * o * (1 - o);
        d_c[j] = dc * f;
    }
}
